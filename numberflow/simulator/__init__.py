"""A simulator of the Sinch Numbers API, written from docs/vendor/ alone.

It shares no code with the client. Manual: docs/simulator.md.
"""

from numberflow.simulator.inprocess import BASE_URL, InProcessTransport
from numberflow.simulator.serve import PortInUse, Running, serve, serve_forever
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.simulator import Simulator

__all__ = [
    "BASE_URL",
    "InProcessTransport",
    "PortInUse",
    "Running",
    "Simulator",
    "SimulatorSettings",
    "serve",
    "serve_forever",
]
