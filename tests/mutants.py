"""Change what decides on money bit by bit, and see whether the tests notice (`make mutants`).

mutmut makes the changes (mutants) and runs the tests that come by; what it works on stands in
pyproject.toml. It changes functions and methods, but neither properties nor tables outside them.
Here is the judgement: how many have to be noticed, and which may stay unnoticed for the reason in
survivors.toml. Names of mutants as arguments restrict the run (`"*.rent.*"`).
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

from mutmut import __main__ as mutmut
from mutmut.mutation import mutators
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from rich.console import Console
from rich.table import Table

SHARE_MIN = 0.95
# A mutant that never ends was noticed, too.
NOTICED = ("killed", "timeout")
COLUMNS = (*NOTICED, "survived", "no tests")
SURVIVORS = Path(__file__).with_name("survivors.toml")
# Every test of the journal comes by its pure halves. Their own tests have to notice.
OWN_TESTS = {
    "numberflow.journal.billable.": (
        "test_billable.py",
        "test_billable_history.py",
        "test_stops.py",
    ),
    "numberflow.journal.settling.": ("test_settling.py",),
    "numberflow.journal.spending.": ("test_spending.py",),
    "numberflow.journal.transitions.": ("test_transitions.py",),
}


def keys_only(node: Any) -> Iterator[Any]:
    """One mutant of each text without a space: a name or a key. Sentences are for people."""
    if " " not in getattr(node, "value", " "):
        yield from islice(mutators.operator_string(node), 1)


def own_tests_first(collect: Any) -> Any:
    """Collect which tests come by a function, keep its own ones, and put the short ones first."""

    def collected(*given: Any, **named: Any) -> None:
        collect(*given, **named)
        tests, seconds = state().tests_by_mangled_function_name, state().duration_by_test
        for function, names in tests.items():
            own = [files for module, files in OWN_TESTS.items() if function.startswith(module)]
            kept = [each for each in names if not own or Path(each.split("::")[0]).name in own[0]]
            tests[function] = sorted(kept, key=seconds.__getitem__)  # run in this order

    return collected


def place(mutant: str) -> str:
    """`numberflow.steps.rent.Rent.do` of `numberflow.steps.rent.xǁRentǁdo__mutmut_3`."""
    module, _, mangled = mutant.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled[2:].replace('ǁ', '.')}"


def change(mutant: str, path: Path | str) -> str:
    """The lines that the mutant takes away (-) and puts in (+)."""
    lines = get_diff_for_mutant(mutant, path=path).splitlines()[2:]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "+-")


def main(names: list[str]) -> int:
    """Run, print figures and unlisted survivors; 0 when enough is noticed and the rest listed."""
    if not names:
        shutil.rmtree("mutants", ignore_errors=True)  # verdicts of other tests
    operators = mutators.mutation_operators
    operators[:] = [(t, keys_only if o is mutators.operator_string else o) for t, o in operators]
    mutmut.collect_or_load_stats = own_tests_first(mutmut.collect_or_load_stats)
    mutmut.cli(["run", *names], standalone_mode=False)

    listed = tomllib.loads(SURVIVORS.read_text("utf-8"))["survivor"]
    figures: dict[str, Counter[str]] = defaultdict(Counter)
    unlisted = []
    for data, name, exit_code in mutmut.collect_source_file_mutation_data(mutant_names=names)[0]:
        status = status_by_exit_code[exit_code]
        figures[str(data.path)][status] += 1
        if status in NOTICED:
            continue
        where, what = place(name), change(name, data.path)
        fitting = [each for each in listed if fnmatchcase(where, each["where"])]
        if entry := next((each for each in fitting if each["change"] in what), None):
            entry["found"] = True
        else:
            unlisted.append(f"{name}: {status}\n{what}\n")

    console = Console(width=120, highlight=False, markup=False)
    total = sum(figures.values(), Counter())
    table = Table("module", "made", *COLUMNS, "noticed")
    for module, count in [*sorted(figures.items()), ("all", total)]:
        cells = (count.total(), *(count[column] for column in COLUMNS))
        table.add_row(module, *map(str, cells), f"{share(count):.1%}")
    console.print(*unlisted, table, f"{len(unlisted)} are not in {SURVIVORS.name}", sep="\n")
    for entry in listed:
        if not names and "found" not in entry:
            console.print(f"listed in vain: {entry['where']}: {entry['change']}")
    return int(bool(unlisted) or share(total) < SHARE_MIN)


def share(count: Counter[str]) -> float:
    """Noticed ones of all that were made, those listed as survivors included."""
    return sum(count[status] for status in NOTICED) / count.total()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
