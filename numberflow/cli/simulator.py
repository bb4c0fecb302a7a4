"""`numberflow simulator`: serve the simulated APIs until Ctrl-C."""

from __future__ import annotations

import shlex

import typer

from numberflow.errors import BadInput
from numberflow.simulator import Running, SimulatorSettings, serve_forever


def simulate(
    *, host: str, port: int, control_port: int, seed: int, active: int, chaos: float
) -> None:
    """Serve until Ctrl-C.

    Raises:
        BadInput: a value is out of range, or a port is taken.
    """
    if not 0 <= chaos <= 1:
        raise BadInput(
            f"--chaos: {chaos} is not a share",
            field="chaos",
            remedy="write a number from 0 to 1, such as 0.2",
        )
    if active < 0:
        raise BadInput(f"--active: {active} is negative", field="active", remedy="write 0 or more")
    try:
        serve_forever(
            SimulatorSettings(seed=seed, active=active, chaos=chaos),
            port=port,
            control_port=control_port,
            announce=_announce,
            host=host,
        )
    except OSError as error:
        raise BadInput(
            f"cannot listen on port {port} and {control_port}: {error}",
            field="port",
            remedy="choose other ports with --port and --control-port; 0 picks free ones",
        ) from None


def _announce(running: Running) -> None:
    typer.echo(
        f"# Simulated Sinch APIs on {running.url}, control surface on {running.control_url}. "
        "Ctrl-C stops them."
    )
    for name, value in running.environment.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
