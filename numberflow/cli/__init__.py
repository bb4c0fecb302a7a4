"""The `numberflow` command: one module per subcommand. May import anything; nothing imports it.

Start-up stays light: a subcommand imports Prefect (4 s, 80 MB) when it needs it, never this module.
"""

from numberflow.cli.app import main

__all__ = ["main"]
