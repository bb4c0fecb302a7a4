"""`numberflow run NAME --help`: the parameters of that flow, below the options of the command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

_NAMED = "numberflow.flow"


class RunCommand(TyperCommand):
    """A command that knows the flow before it answers its own --help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the first word that is not an option: --help ends the parsing before it is bound."""
        ctx.meta[_NAMED] = next((each for each in args if not each.startswith("-")), "")
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The help of the command, and the flow's parameters if a flow is named."""
        from flows.table import FLOWS

        above = super().get_help(ctx)
        entry = FLOWS.get(ctx.meta.get(_NAMED, ""))
        if entry is None:
            return above
        from flows.parameters import describe

        formatter = ctx.make_formatter()
        described = describe(entry)
        formatter.write_text(described.text)
        with formatter.section("Parameters, for --params"):
            formatter.write_dl(
                (each.name, f"{each.meaning} [{each.default}]".removesuffix(" [empty]"))
                for each in described.parameters
            )
        return f"{above}\n{formatter.getvalue()}".strip("\n")
