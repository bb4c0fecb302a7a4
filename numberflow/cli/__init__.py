"""The `numberflow` command: one module per subcommand. May import anything; nothing imports it.

Start-up stays light: Prefect (4 s, 80 MB) is imported by a subcommand when it needs it, never from
here.
"""

from numberflow.cli.app import main

__all__ = ["main"]
