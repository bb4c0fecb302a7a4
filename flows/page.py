"""docs/flows.md and a page in docs/flows/ for each flow: `make pages`.

Made from the table of flows and their signatures.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from textwrap import fill

from flows.parameters import Description, describe
from flows.table import FLOWS, FlowEntry

_INTRODUCTION = """\
# The flows

What each does and costs, and when it runs. Each has a page with its form, an example, how it ends,
and which reference comes after it. These pages are made by `make pages` from `flows/table.py` and
the signature of each flow; a test holds them to it. `numberflow run NAME --help` shows the same
parameters. How values are written is in [forms.md](forms.md), what to do at night in
[needs-person.md](needs-person.md).

## How every run ends

| State | Exit code | Means |
|---|---|---|
| Completed | 0 | **Done**: what that is for each flow is on its page |
| Refused | 3 | Nothing was spent beyond what the report names. It says why and what to change |
| NeedsPerson | 4 | A person has to decide; each [case](needs-person.md) has its command |
| Crashed, Failed, Cancelled | 1, 130, 143 | It was stopped. The journal says what it had done |

## Which reference comes next

**The same one, in doubt.** It looks at the vendor first, does what is missing, and buys nothing
twice. That holds after every crash, cancel, stop and time-out, after NeedsPerson once the open
items are settled, and after a refusal whose cause has gone: a cap, the balance, a paper, the
network. A run that was given no reference has its flow-run id for one: press *Retry*, or name that
id as `reference`.

**A new one, when something else is wanted**, or when what the old one stands for has ended for
good. A reference always stands for what was asked: with other numbers, another region or another
quantity it is refused, and the refusal names what differs. Each flow's page says which
parameters may be others, and when its end is final.
"""

_START = (
    "In the UI: Deployments → *{name}* → **Run** → **Custom run**, fill in the form, **Submit**. "
    "On a terminal:"
)
_REFUSED = (
    "- **Refused.** Nothing was spent beyond what the report names. Its message says why and what "
    "to change."
)


def pages() -> dict[str, str]:
    """Every generated page, markdown, by its path in docs/."""
    contents = " · ".join(f"[{name}](#{name})" for name in FLOWS)
    whole = [_INTRODUCTION, _wrapped(contents), *(_section(entry) for entry in FLOWS.values())]
    return {
        "flows.md": "\n".join(whole) + "\n",
        **{f"flows/{name}.md": _page(entry) + "\n" for name, entry in FLOWS.items()},
    }


def _section(entry: FlowEntry) -> str:
    lines = [
        "",
        f"## {entry.name}",
        "",
        _told(describe(entry)),
        "",
        f"- **Costs.** {entry.costs}",
        f"- **Runs** {_when(entry)}.",
        f"- **More:** [form, example, and how it ends](flows/{entry.name}.md)",
    ]
    return "\n".join(map(_wrapped, lines))


def _page(entry: FlowEntry) -> str:
    described = describe(entry)
    parameters = shlex.quote(json.dumps(entry.example))
    command = f"$ numberflow run {entry.name}" + (
        f" --params {parameters}" if entry.example else ""
    )
    lines = [
        f"# {entry.name}",
        "",
        _told(described),
        "",
        f"**Costs.** {entry.costs}",
        "",
        f"**Runs** {_when(entry)}.",
        "",
        "## Start it",
        "",
        _START.format(name=entry.name),
    ]
    lines = [*map(_wrapped, lines), "", "```console", command, "```", "", "## The form", ""]
    lines += ["| Parameter | Default | Meaning |", "|---|---|---|"]
    lines += [f"| `{p.name}` | {p.default} | {p.meaning} |" for p in described.parameters]
    lines += ["", _wrapped("How values are written: [forms](../forms.md)."), "", "## How it ends"]
    return "\n".join([*lines, "", *map(_wrapped, _ends(entry))])


def _ends(entry: FlowEntry) -> list[str]:
    cases = ", ".join(
        f"[{case.replace('-', ' ')}](../needs-person.md#{case})" for case in entry.cases
    )
    lines = [
        f"- **Done.** {entry.done}",
        _REFUSED,
        f"- **NeedsPerson.** {cases or '[Every case](../needs-person.md), by its words'}.",
        f"- **[Next reference](../flows.md#which-reference-comes-next).** {entry.again}",
    ]
    if entry.continued_by:
        names = ", ".join(f"`{name}`" for name in entry.continued_by)
        lines.append(f"- **May differ under the same reference**: {names}.")
    if entry.guides:
        guides = ", ".join(f"[{each.replace('-', ' ')}](../{each}.md)" for each in entry.guides)
        lines += ["", f"More: {guides}."]
    return lines


def _told(described: Description) -> str:
    first, _, rest = described.text.partition("\n\n")
    return f"**{first}** {' '.join(rest.split())}".rstrip()


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return fill(line, 100, subsequent_indent=indent, break_on_hyphens=False)


def _when(entry: FlowEntry) -> str:
    if entry.schedule is None:
        return entry.started_by
    once = "" if entry.at_once is None else f", {entry.at_once} at a time on a work pool"
    return f"by the clock, `{entry.schedule.cron}` UTC{once}: {entry.schedule.why}"


if __name__ == "__main__":
    for name, text in pages().items():
        path = Path(sys.argv[1], name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
