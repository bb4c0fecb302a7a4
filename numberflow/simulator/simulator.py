"""One simulator with its two applications. No sockets; see serve.py."""

from numberflow.simulator.app import App
from numberflow.simulator.backend import Backend
from numberflow.simulator.control import control_app
from numberflow.simulator.settings import SimulatorSettings


class Simulator(Backend):
    """The simulated Sinch Numbers API.

    `app` is the service, `control_app` controls it; both are ASGI applications.
    """

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        super().__init__(settings)
        self.app = App(self)
        self.control_app = control_app(self)
