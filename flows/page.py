"""docs/flows.md, made from the table of flows and their signatures: `make pages`."""

from __future__ import annotations

from textwrap import fill

from flows.parameters import describe
from flows.table import FLOWS, FlowEntry

_INTRODUCTION = """\
# The flows

What each takes, what it costs, when it runs, how it ends, and which reference comes after it. This
page is made by `make pages` from `flows/table.py` and the signature of each flow; a test holds it
to them. `numberflow run NAME --help` shows the same parameters. How values are written is in
[forms.md](forms.md), what to do at night in [operations.md](operations.md).

## How every run ends

| State | Exit code | Means |
|---|---|---|
| Completed | 0 | **Done**: what that is for each flow is said below |
| Refused | 3 | Nothing was spent beyond what the report names. It says why and what to change |
| NeedsPerson | 4 | Only a person can decide what is open. The report has the commands for it |
| Crashed, Failed, Cancelled | 1, 130, 143 | It was stopped. The journal says what it had done |

## Which reference comes next

**The same one, in doubt.** It looks at the vendor first, does what is missing, and buys nothing
twice. That holds after every crash, cancel, stop and time-out, after NeedsPerson once the open
items are settled, and after a refusal whose cause has gone: a cap, the balance, a paper, the
network. A run that was given no reference has its flow-run id for one: press *Retry*, or name that
id as `reference`.

**A new one, when something else is wanted**, or when what the old one stands for has ended for
good. A reference always stands for what was asked: with other numbers, another region or another
quantity it is refused, and the refusal names what differs. Each flow below says which parameters
may be others, and when its end is final.
"""


def page() -> str:
    """The whole page, markdown."""
    contents = " · ".join(f"[{name}](#{name})" for name in FLOWS)
    return "\n".join(
        [_INTRODUCTION, _wrapped(contents), *(_section(entry) for entry in FLOWS.values())]
    )


def _section(entry: FlowEntry) -> str:
    described = describe(entry)
    first, _, rest = described.text.partition("\n\n")
    lines = [
        "",
        f"## {entry.name}",
        "",
        f"**{first}** {' '.join(rest.split())}".rstrip(),
        "",
        f"- **Costs.** {entry.costs}",
        f"- **Runs** {_when(entry)}.",
        f"- **Done.** {entry.done}",
        f"- **Next reference.** {entry.again}",
    ]
    if entry.continued_by:
        names = ", ".join(f"`{name}`" for name in entry.continued_by)
        lines.append(f"- **May differ under the same reference**: {names}.")
    lines = [*map(_wrapped, lines), "\n| Parameter | Default | Meaning |", "|---|---|---|"]
    lines += [f"| `{p.name}` | {p.default} | {p.meaning} |" for p in described.parameters]
    return "\n".join(lines)


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return fill(line, 100, subsequent_indent=indent, break_on_hyphens=False)


def _when(entry: FlowEntry) -> str:
    if entry.schedule is None:
        return entry.started_by
    once = "" if entry.at_once is None else f", {entry.at_once} at a time on a work pool"
    return f"by the clock, `{entry.schedule.cron}` UTC{once}: {entry.schedule.why}"


if __name__ == "__main__":
    print(page())  # noqa: T201 - `make pages` writes it to its place
