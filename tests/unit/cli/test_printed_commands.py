"""Every command that the product prints can be pasted as it is printed, and does what it says.

`KINDS` lists them. What stands in <…> is filled in by a person, and a shell refuses it until it is.
Commands that need Prefect are pasted in tests/workflow/test_printed_runs.py.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from support.command import Command
from support.journals import PROJECT, Vendor, new_purchase, open_step, planned, rent_line, run_step
from support.pasted import arguments, filled_in, paste, printed

import numberflow
from numberflow.cli.app import app
from numberflow.errors import BadInput, JournalUnavailable, Stopped
from numberflow.export.snapshot import today
from numberflow.journal import (
    ALL_PROJECTS,
    Intention,
    IntentionState,
    Journal,
    NewIntention,
)
from numberflow.planning.reconciling.kinds import Finding
from numberflow.planning.reconciling.kinds import Kind as Kinds
from numberflow.purchase.account import account
from numberflow.purchase.marker import Marker
from numberflow.purchase.reconciling.commands import Commands
from numberflow.purchase.report import open_item
from numberflow.purchase.stopped import stopped_line
from numberflow.settings import Settings
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

ROOT = Path(__file__).parents[3]
HERE = "tests/unit/cli/test_printed_commands.py"
RUNS = "tests/workflow/test_printed_runs.py"
STUCK = "tests/workflow/test_stuck_runs.py"
CLOCK = "tests/workflow/test_clock.py"
SETUP = "tests/workflow/test_setup.py"
CREDENTIALS = "tests/workflow/test_credentials.py"


class Kind(NamedTuple):
    """One kind of printed command: the modules that print it, and the test that pastes it."""

    modules: set[str]
    test: str


KINDS = {
    "adopt": Kind({"commands.py"}, f"{HERE}::test_findings"),
    "adopt --gone": Kind({"commands.py"}, f"{HERE}::test_findings"),
    "adopt --undo": Kind({"commands.py"}, f"{HERE}::test_findings"),
    "callbacks rotate": Kind(
        {"app.py", "callbacks.py", "secrets.py"},
        "tests/unit/cli/test_callbacks.py::test_the_printed_command",
    ),
    "export": Kind({"load.py"}, f"{HERE}::test_export"),
    "export --follow-up": Kind({"follow_up.py"}, f"{HERE}::test_export_follow_up"),
    "go": Kind({"stop_rows.py", "brake.py"}, f"{HERE}::test_go"),
    "go --project": Kind({"stop_rows.py"}, f"{HERE}::test_go"),
    "journal close --by --project": Kind({"stopped.py"}, f"{HERE}::test_close"),
    "journal list": Kind(
        {"database.py", "intention_rows.py", "journal.py"}, f"{HERE}::test_journal_list"
    ),
    "journal list --state": Kind({"stop.py"}, f"{HERE}::test_journal_list_of_a_state"),
    "journal show": Kind({"commands.py"}, f"{HERE}::test_findings"),
    "journal reopen --by --note": Kind({"marker.py"}, f"{HERE}::test_a_restored_journal"),
    "journal settle --as --by --note": Kind({"report.py"}, f"{HERE}::test_settle"),
    "kill {}": Kind({"up.py"}, f"{HERE}::test_kill"),
    "links check": Kind({"link_targets.py"}, "tests/unit/cli/test_links.py::test_what_there_is"),
    "numbers list": Kind({"database.py"}, f"{HERE}::test_numbers_list"),
    "papers list": Kind(
        {"app.py", "number_lists.py", "paper_store.py", "papers.py"}, f"{HERE}::test_papers"
    ),
    "papers put": Kind(
        {
            "emergency_address.py",
            "number_lists.py",
            "order_numbers.py",
            "paper_store.py",
            "papers.py",
            "requirements.py",
            "text_enable_numbers.py",
        },
        f"{HERE}::test_papers",
    ),
    "papers put --replace": Kind({"place.py"}, f"{RUNS}::test_a_paper_is_put_back"),
    "prefect block --module": Kind(
        {"credentials.py"}, f"{CREDENTIALS}::test_a_run_for_a_second_project"
    ),
    "reconcile": Kind({"marker.py", "stop_rows.py"}, f"{HERE}::test_a_restored_journal"),
    "reconcile --accept-restore": Kind({"run.py"}, f"{HERE}::test_a_restored_journal"),
    "reconcile --all": Kind({"run.py"}, f"{HERE}::test_a_restored_journal"),
    "requirements": Kind({"order_numbers.py", "papers.py"}, f"{HERE}::test_requirements"),
    "requirements --region --type": Kind({"quoting.py"}, f"{RUNS}::test_requirements"),
    "requirements --template": Kind(
        {"order_numbers.py", "papers.py"}, f"{HERE}::test_requirements"
    ),
    "run --help": Kind({"page.py"}, f"{HERE}::test_run_help"),
    "run configure-numbers --params": Kind({"link_commands.py"}, f"{RUNS}::test_links"),
    "run emergency-address --params": Kind(
        {"without_address.py"}, f"{RUNS}::test_an_address_is_given_back"
    ),
    "run follow-orders --params": Kind({"commands.py"}, f"{RUNS}::test_findings"),
    "run order-numbers --params": Kind({"follow.py"}, f"{RUNS}::test_an_order_is_opened_again"),
    "run release-numbers --params": Kind({"commands.py"}, f"{RUNS}::test_findings"),
    "run search-and-rent --help": Kind({"app.py"}, f"{HERE}::test_run_help"),
    "run {}": Kind({"page.py", "schedules.py"}, f"{RUNS}::test_an_overdue_run"),
    "setup": Kind({"callbacks.py", "doctor.py"}, f"{SETUP}::test_set_up_by_two_at_once"),
    "simulator": Kind({"settings.py"}, f"{HERE}::test_simulator"),
    "stop": Kind({"stop.py"}, f"{HERE}::test_stop"),
    "up": Kind(
        {
            "app.py",
            "approval.py",
            "doctor.py",
            "prefect_server.py",
            "qualify_numbers.py",
            "receiver.py",
            "schedules.py",
            "server_settings.py",
            "setup.py",
            "watch_runs.py",
        },
        f"{CLOCK}::test_the_clock_starts_runs",
    ),
    "watch": Kind({"doctor.py"}, f"{STUCK}::test_the_command_watches"),
}

# Texts in which "numberflow" and what follows it names something and is not to be typed.
NAMES = {
    "{}": {"database.py"},  # how a connection is called on Postgres
    "journal": {"database.py"},  # "not a numberflow journal"
    "run": {"doctor.py", "text_enable_numbers.py"},  # what it does, whatever the flow
    "stop": {"stop_rows.py"},  # a stop that stands
    "up": {"up.py"},  # one that runs, or was killed
}
# "a newer numberflow than this": English goes on after the product's name.
_ENGLISH = frozenset({"does", "here", "in", "itself", "than", "which"})
_PROGRAM = re.compile(r"\b(?:numberflow|prefect(?= block)|kill(?= \{)) ([a-z][a-z-]*|\{\})")
# What may stand between two words of a command; anything else ends it.
_NEXT = re.compile(r"\s+(--?[a-z-]+|'?\{\}'?|'?@?\{[a-z_]+\}'?|<[a-z-]+>|[A-Za-z0-9_'@{}-]+)")


def _texts(path: Path) -> Iterator[str]:
    """Every text of a module that may be shown; what an f-string fills in is {}.

    Docstrings are for readers of the code, but for those that forms and `--help` show.
    """
    tree = ast.parse(path.read_text())
    told = {
        id(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_shown(node, path)
    }
    hidden = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and id(node) not in told
    }
    hidden |= {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in hidden
        ):
            yield node.value


def _is_shown(node: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> bool:
    """Whether people read the docstring: that of a flow, or of a command of the command line."""
    return bool(node.decorator_list) and (path.parent.name == "flows" or path.name == "app.py")


def _kind(text: str, start: int) -> str:
    """Subcommand and options of the command that begins there; first the name of other programs."""
    words: list[str] = []
    program, at = text[start:].split(maxsplit=1)[0], start
    at += len(program)
    while (match := _NEXT.match(text, at)) is not None:
        words.append(match[1])
        at = match.end()
    name, *rest = words
    if program != "numberflow":
        name = f"{program} {name}"
    elif (name in {group.name for group in app.registered_groups} and rest) or (
        name == "run" and rest and re.fullmatch(r"[a-z]+-[a-z-]+|\{\}", rest[0])
    ):
        name = f"{name} {rest[0]}"
    options = {word for word in rest if re.fullmatch("--[a-z-]+", word)} - {"--"}
    return " ".join([name.removesuffix("{}{}"), *sorted(options)])


def kinds() -> dict[str, set[str]]:
    """Each kind of command that some text of the product prints → the modules that do."""
    found: dict[str, set[str]] = {}
    for folder in ("numberflow", "flows", "tasks", "deployments"):
        for path in (ROOT / folder).rglob("*.py"):
            for text in _texts(path):
                for match in _PROGRAM.finditer(text):
                    if match[1] not in _ENGLISH:
                        found.setdefault(_kind(text, match.start()), set()).add(path.name)
    return found


def test_every_printed_kind_is_pasted_in_a_test() -> None:
    """A message that sends somebody to another command has to bring its test."""
    listed = {kind: set(each.modules) for kind, each in KINDS.items()}
    for kind, modules in NAMES.items():
        listed.setdefault(kind, set()).update(modules)
    found = kinds()
    not_so = {
        kind: f"listed for {listed.get(kind)}, printed by {found.get(kind)}"
        for kind in listed.keys() | found.keys()
        if listed.get(kind) != found.get(kind)
    }
    assert {} == not_so
    for each in KINDS.values():
        path, _, test = each.test.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text(), each.test


def _documented() -> set[str]:
    """Commands in the consoles of the documents, up to their first parameter in quotes."""
    pages = [page for page in ROOT.glob("docs/**/*.md") if "vendor" not in page.parts]
    consoles = [
        block
        for page in [ROOT / "README.md", *pages]
        for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    found = re.findall(
        r"(?:^\w*\$ |&& )(?:\.venv/bin/)?(numberflow [a-z].*)$", "\n".join(consoles), re.MULTILINE
    )
    return {line.partition(" '")[0].partition("#")[0].partition(" &&")[0].strip() for line in found}


@pytest.mark.parametrize("line", sorted(_documented()))
def test_every_documented_command_exists_with_its_options(command: Command, line: str) -> None:
    """What a console of a document shows is a command, and it has the options that are shown."""
    _, name, *rest = line.split()
    groups = {group.name for group in app.registered_groups}
    ended = command(name, *(rest[:1] if name in groups else []), "--help")
    options = {word for word in rest if word.startswith("--")}
    assert (0, set()) == (ended.code, {each for each in options if each not in ended.out}), line


# ---------------------------------------------------------------- open steps


@pytest.mark.parametrize(
    "state", [IntentionState.SENDING, IntentionState.UNKNOWN, IntentionState.NEEDS_PERSON]
)
@pytest.mark.parametrize("verdict", ["done", "refused", "planned"])
def test_settle(command: Command, state: IntentionState, verdict: str) -> None:
    """In every state in which a report prints it, with each of the three verdicts."""
    row = _open(state)
    with Journal.open(Settings.load().journal_url) as journal:
        (item,) = account(journal.purchases_named("PO-1")[0], [row], why="killed").open_items
    line = filled_in(item.command.replace("--as done", f"--as {verdict}"), PERSON)
    ended = paste(command, line)
    assert 0 == ended.code, ended.err
    with Journal.open(Settings.load().journal_url) as journal:
        assert verdict == journal.history(row.id).intention.state.value
    told = command("journal", "show", row.id).out
    assert [] == [words for words in PERSON.values() if words not in told]


def test_settle_of_a_number_that_the_vendor_picked(command: Command) -> None:
    """The number has a place of its own to be filled in."""
    row = _open(IntentionState.NEEDS_PERSON, NewIntention("rent_any", None, "f", {}, *_PRICE))
    line = filled_in(open_item(row).command, PERSON | {"number": "+12025550123"})
    assert 0 == paste(command, line).code
    assert "+12025550123" in command("journal", "show", row.id).out


def test_what_is_not_filled_in_does_nothing(command: Command) -> None:
    """Pasted as it is, a shell refuses a command that has a place to be filled in."""
    row = _open(IntentionState.NEEDS_PERSON)
    refused = subprocess.run(
        ["bash", "-c", f"numberflow() {{ echo settled; }}\n{open_item(row).command}"],
        cwd=command.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ("", True) == (refused.stdout, refused.returncode != 0)


@pytest.mark.parametrize(
    "reference", ["PO-1", "Ada's order 7", 'Büro "Süd"', "-7", "a`b`c $HOME", "x; y & z"]
)
def test_close(command: Command, reference: str) -> None:
    """Whatever the reference is made of, and when another project uses it, too."""
    with Journal.open(Settings.load().journal_url) as journal:
        journal.open_purchase(new_purchase(reference, "another-project"))
        rows = planned(journal, reference=reference)
        (ours,) = [
            each for each in journal.purchases_named(reference) if each.project_id == PROJECT
        ]
        line = stopped_line(ours, rows)
        assert [ours.id] == [each.id for each in journal.idle_purchases(PROJECT, idle_s=0)]
    for text in (line.advice, line.alarms[0].text):
        typed = printed(text, "numberflow journal close")
        assert 0 == paste(command, filled_in(typed, {"your-name": "Jürgen O'Neil"})).code
    with Journal.open(Settings.load().journal_url) as journal:
        assert [] == list(journal.idle_purchases(PROJECT, idle_s=0))


def test_journal_list(command: Command) -> None:
    """Whoever names a step that is not there is sent to the list of those that are."""
    row = _open(IntentionState.NEEDS_PERSON)
    line = printed(
        command("journal", "show", "nothing-of-that-name").err, "numberflow journal list"
    )
    assert ["journal", "list"] == arguments(line)[:2]
    assert row.id[:8] in command("journal", "list").out


def test_journal_list_of_a_state(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that cannot tell whether a request is still under way shows where to look."""
    monkeypatch.setattr("numberflow.cli.stop.UNDER_WAY_WAIT_S", 0.0)
    row = _open(IntentionState.SENDING, alive=True)
    line = printed(command("stop").out, "numberflow journal list")
    assert row.id[:8] in paste(command, line).out


# ---------------------------------------------------------------- stops


@pytest.mark.parametrize("scope", [ALL_PROJECTS, PROJECT])
def test_go(command: Command, scope: str) -> None:
    """What a Stopped error says to do lifts exactly that stop."""
    with Journal.open(Settings.load().journal_url) as journal:
        (row,) = planned(journal)
        journal.stop(scope, by="ann")
        with pytest.raises(Stopped) as caught:
            anyio.run(lambda: run_step(journal, row, Vendor().rent, Vendor().look))
        assert 0 == paste(command, caught.value.remedy.partition(", then")[0]).code
        assert () == journal.stops()


def test_go_for_any_name(command: Command) -> None:
    """The name of a project is whatever was typed."""
    name = "Ada's project; & co"
    stopped = command("stop", "--project", name)
    assert 0 == paste(command, printed(stopped.out, "numberflow go")).code
    with Journal.open(Settings.load().journal_url) as journal:
        assert () == journal.stops()


def test_stop(command: Command) -> None:
    """A stop that could not be written is printed once more as it was typed."""
    command.set({"NUMBERFLOW_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none"})
    refused = command("stop", "--project", PROJECT, "--why", "Ada's prices")
    command.set({"NUMBERFLOW_DATABASE_URL": ""})
    line = printed(refused.err, "numberflow stop").partition(". On other")[0]
    assert 0 == paste(command, line).code
    with Journal.open(Settings.load().journal_url) as journal:
        assert [(PROJECT, "Ada's prices")] == [(one.scope, one.why) for one in journal.stops()]


# ---------------------------------------------------------------- papers, exports, programs


@pytest.fixture
def running() -> Iterator[Running]:
    """A simulator on ports."""
    with serve(Simulator(SimulatorSettings(seed=1, active=5, speed=0))) as served:
        yield served


@pytest.fixture
def with_account(command: Command, running: Running) -> Command:
    """The command with the simulator's account."""
    command.set(running.environment)
    return command


def test_findings(with_account: Command, running: Running) -> None:
    """What reconcile prints for a number settles it: the next look is quiet."""

    def found() -> list[dict[str, str]]:
        return list(json.loads(with_account("reconcile", "--json").out)["findings"])

    world = running.simulator.world
    with world.lock:
        for number in world.holdings:
            number.expire_at = None
    assert 4 == with_account("reconcile", "--all").code
    whole = json.loads(with_account("reconcile", "--all", "--json").out)["findings"]
    bought = [each for each in whole if each["kind"] == "bought_elsewhere"]
    assert 5 == len(bought)
    for each in bought:
        assert 0 == paste(with_account, each["command"]).code
    with world.lock:
        world.holdings.remove(bought[0]["phone_number"])
    (gone,) = (each for each in found() if each["severity"] == "person")
    assert ("adopted_gone", 0) == (gone["kind"], paste(with_account, gone["command"]).code)
    assert (0, []) == (
        with_account("reconcile", "--all").code,
        [each for each in found() if each["severity"] == "person"],
    )
    settings = Settings.load()
    with Journal.open(settings.journal_url) as journal:
        reference = planned(journal, reference="-Ada's order")[0].reference
    commands = Commands(None, settings.project_id, {}, today())
    undo = Finding(Kinds.ADOPTED_AND_HELD, bought[1]["phone_number"], "", "")
    assert 0 == paste(with_account, commands.of(undo)).code
    twice = Finding(Kinds.CLAIMED_TWICE, "+12025550101", "", "", reference)
    assert reference in paste(with_account, commands.of(twice)).out


def test_a_restored_journal(with_account: Command) -> None:
    """What a run, a stop and a reconcile of an older journal say to do continues it."""
    settings = Settings.load()
    file = settings.home / "numberflow.db"
    with Journal.open(settings.journal_url) as journal:
        marker = Marker(journal, settings, settings.project_id)
        purchase = journal.open_purchase(new_purchase("Ada's order", settings.project_id))
        anyio.run(marker.note, purchase)
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    with Journal.open(settings.journal_url) as journal:
        marker = Marker(journal, settings, settings.project_id)
        with pytest.raises(Stopped) as caught:
            anyio.run(marker.require_current)
        (held,) = journal.stops()
        for text in (caught.value.remedy, held.lifted_by):
            ended = paste(with_account, printed(text, "numberflow reconcile"))
            assert (4, True) == (ended.code, "Costly steps are held" in ended.out)
        assert (
            "bought elsewhere"
            in paste(with_account, printed(ended.out, "numberflow reconcile --all")).out
        )
        ended = paste(with_account, printed(ended.out, "numberflow reconcile --accept-restore"))
        assert ("Costly steps continue" in ended.out, ()) == (True, journal.stops())
        with pytest.raises(JournalUnavailable) as lost:
            anyio.run(marker.require_begun_here, purchase.reference)
        line = filled_in(printed(lost.value.remedy, "numberflow journal reopen"), PERSON)
        assert 0 == paste(with_account, line).code
        anyio.run(marker.require_begun_here, purchase.reference)
        last = [each.facts for each in journal.audit_entries()][-1]
    assert ("reopened", PERSON["your-name"]) == (last["event"], last["by"])


def test_papers(with_account: Command) -> None:
    """A paper outside the store is refused with the commands that put it there and list papers."""
    paper = with_account.folder / "Ada's Büro" / "kyc 1.json"
    paper.parent.mkdir()
    paper.write_text("{}")
    wanted = {"action": "validate", "phone_numbers": ["+12025550123"], "address": str(paper)}
    refused = with_account("run", "emergency-address", "--params", json.dumps(wanted))
    line = printed(refused.err, "numberflow papers put")
    ended = paste(with_account, filled_in(line, {"file": str(paper)}))
    assert 0 == ended.code, ended.err
    told = with_account("papers", "remove", "none.json").err
    assert "kyc 1.json" in paste(with_account, printed(told, "numberflow papers list")).out


def test_requirements(with_account: Command) -> None:
    """The form that it writes is put into the store by the command that it prints."""
    form = with_account.folder / "Ada's Büro" / "kyc.json"
    line = "numberflow requirements --template <file>"
    asked = filled_in(line, {"file": str(form)}) + " --region AU --type MOBILE"
    told = paste(with_account, asked)
    assert 0 == told.code, told.err
    assert 0 == paste(with_account, printed(told.out, "numberflow papers put")).code
    assert "kyc.json" in with_account("papers", "list").out


def test_numbers_list(with_account: Command) -> None:
    """A journal that is damaged sends to what the project holds, to compare the backup with."""
    with_account.home.mkdir(mode=0o700)
    (with_account.home / "numberflow.db").write_bytes(b"this is no database" * 100)
    told = with_account("journal", "list").err
    (with_account.home / "numberflow.db").unlink()
    held = paste(with_account, printed(told, "numberflow numbers list"))
    assert (0, 5) == (held.code, len(json.loads(held.out))), held.err
    assert 0 == paste(with_account, printed(told, "numberflow journal list")).code


def test_run_help(command: Command) -> None:
    """The help of `run` names the help of one flow, which names its parameters."""
    line = printed(command("run", "--help").out, "numberflow run search-and-rent")
    helped = paste(command, line.partition(" shows")[0])
    assert (0, True) == (helped.code, "max_monthly" in helped.out), helped.err


def test_export(with_account: Command) -> None:
    """Whoever reads a table that is not there is sent to the export that makes it."""
    root = str(with_account.folder / "data")
    with_account.set({"NUMBERFLOW_INVENTORY_URL": root})
    with pytest.raises(BadInput) as caught:
        numberflow.load_inventory(root=root)
    assert 0 == paste(with_account, printed(caught.value.remedy, "numberflow export")).code
    assert 5 == len(numberflow.load_inventory(root=root))


def test_export_follow_up(with_account: Command) -> None:
    """An export whose costs cannot be written names the command that makes them later."""
    data = with_account.folder / "data"
    with_account.set({"NUMBERFLOW_INVENTORY_URL": str(data)})
    data.mkdir()
    in_the_way = data / "costs"
    in_the_way.write_text("a file where a folder is due")
    told = with_account("export")
    in_the_way.unlink()
    line = printed(told.out, "numberflow export")
    assert f"numberflow export --follow-up {today()}" == line
    assert (0, 5) == (paste(with_account, line).code, len(numberflow.load_costs(root=str(data))))


def test_simulator(command: Command, tmp_path: Path) -> None:
    """Without an account one is sent to the simulator, which prints an environment that works."""
    line = printed(
        command("requirements", "--region", "AU", "--type", "MOBILE").err, "numberflow simulator"
    )
    assert ["simulator"] == arguments(line)
    # Other simulators may run on this machine: any ports will do.
    out = tmp_path / "simulator"
    with out.open("wb") as file:
        program = [
            sys.executable,
            "-m",
            "numberflow",
            *arguments(line),
            "--port",
            "0",
            "--control-port",
            "0",
        ]
        process = subprocess.Popen(program, stdout=file)
    try:
        while "SINCH_IMPORTED_URL" not in out.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        pasted = subprocess.run(
            ["bash", "-c", f"source {shlex.quote(str(out))}; env -0"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        command.set(
            dict(each.split("=", 1) for each in pasted.split("\0") if each.startswith("SINCH_"))
        )
        assert 0 == command("requirements", "--region", "AU", "--type", "MOBILE").code
    finally:
        process.terminate()
        process.wait()


def test_kill(command: Command) -> None:
    """A killed `up` leaves processes behind; the next one names the command that ends them."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    left = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api"
        command.home.mkdir(mode=0o700)
        pids = {"runs_pid": left[0].pid, "server_pid": left[1].pid}
        (command.home / "up.json").write_text(json.dumps({"api_url": url} | pids))
        told = command("up").err
        server.shutdown()
    subprocess.run(["bash", "-c", printed(told, "kill ")], check=True)
    assert [-15, -15] == [each.wait(timeout=10) for each in left]


PERSON = {"your-name": "Jürgen O'Neil", "what-you-saw": 'not in "Büro Süd", $5 & more'}
_PRICE = (rent_line().setup_amount, rent_line().monthly_amount, "USD")


def _open(
    state: IntentionState, line: NewIntention | None = None, *, alive: bool = False
) -> Intention:
    """A step of PO-1 that was left in this state, or (`alive`) is being taken."""
    return open_step(Settings.load().journal_url, state, line, alive=alive)
