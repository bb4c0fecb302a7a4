"""Where a simulator listens."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from numberflow.simulator import Simulator, SimulatorSettings, serve


def test_the_control_surface_stays_on_this_machine() -> None:
    """Another address is for the two APIs alone: whoever reaches the control surface rules them."""
    with serve(Simulator(SimulatorSettings(active=0)), host="127.0.0.2") as running:
        service, control = urlsplit(running.url), urlsplit(running.control_url)
        assert ("127.0.0.2", "127.0.0.1") == (service.hostname, control.hostname)
        assert running.environment["SINCH_NUMBERS_URL"].startswith(running.url)
        socket.create_connection(("127.0.0.2", service.port), 5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", control.port), 5)
