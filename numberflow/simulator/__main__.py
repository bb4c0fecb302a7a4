"""`python -m numberflow.simulator`: serve until Ctrl-C and print the environment to use it."""

import argparse
import sys

from numberflow.simulator import PortInUse, Running, SimulatorSettings, serve_forever


def main(arguments: list[str] | None = None) -> int:
    """Serve with the given options.

    Returns 0 after Ctrl-C, 2 for invalid options, 3 for a port in use.
    """
    parser = argparse.ArgumentParser(
        prog="python -m numberflow.simulator", description="Simulator of the Sinch Numbers API"
    )
    parser.add_argument(
        "--port", type=int, default=8377, help="port of the simulated service (default 8377)"
    )
    parser.add_argument(
        "--control-port", type=int, default=8378, help="port of the control surface (default 8378)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    parser.add_argument(
        "--active", type=int, default=250, help="numbers held at the start (default 250)"
    )
    parser.add_argument(
        "--chaos", type=float, default=0.0, help="share of requests that meet a fault, 0 to 1"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, help="simulated seconds per real second (default 1)"
    )
    options = parser.parse_args(arguments)
    try:
        settings = SimulatorSettings(
            seed=options.seed, active=options.active, chaos=options.chaos, speed=options.speed
        )
    except ValueError as error:
        parser.error(str(error))
    try:
        serve_forever(settings, options.port, options.control_port, _announce)
    except PortInUse as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


def _announce(running: Running) -> None:
    lines = [f"export {name}={value}" for name, value in running.environment.items()]
    sys.stdout.write("\n".join([*lines, f"# control: {running.control_url}", ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
