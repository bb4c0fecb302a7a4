"""Every metric that dashboard, alerts and documents name is one that the receiver shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from numberflow.errors import BadInput, SpendRefused, Stopped
from numberflow.journal import CounterKey, Figures
from numberflow.receiver.metrics import _COUNTED, Metrics
from tasks.counted import reason_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments/monitoring"
PAGE = (ROOT / "docs/observability.md").read_text()
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]
_METRIC = re.compile(r"\bnumberflow_[a-z_]+\b")
FIGURES = Figures(
    purchases={"search-and-rent": 2},
    steps={("rent", "done"): 2, ("rent", "needs_person"): 1},
    charges={"USD": Decimal("2.10")},
    oldest_open=timedelta(seconds=90),
    orders={"link": 3},
    stops={"person": 0, "marker": 1},
    counted={
        CounterKey("runs", (("flow", "reconcile"), ("outcome", "done"))): 4.0,
        CounterKey("refusals", (("flow", "reconcile"), ("reason", "stopped"))): 1.0,
        CounterKey("vendor_requests", (("host", "a.test"), ("status", "429"))): 5.0,
        CounterKey("export_rows", (("project_id", "p"),)): 7.0,
        CounterKey("export_seconds", (("project_id", "p"),)): 2.5,
        CounterKey("export_finished", (("project_id", "p"),)): 1_796_000_000.0,
        CounterKey("of a later version", ()): 1.0,
    },
)


def page(figures: Figures | None) -> list[str]:
    """What a scrape gets, line by line."""
    metrics = Metrics()
    metrics.show(None, figures, 0.0)
    return generate_latest(metrics.registry).decode().splitlines()


def shown(figures: Figures | None = FIGURES) -> dict[str, float]:
    """Samples by name and labels."""
    pairs = (line.rpartition(" ") for line in page(figures) if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def names() -> set[str]:
    """Names of the metrics, those aside that prometheus-client adds by itself."""
    types = (line.split()[2] for line in page(FIGURES) if line.startswith("# TYPE"))
    return {name for name in types if not name.endswith("_created")}


def test_figures_are_shown() -> None:
    """With their labels, and as the kind that they are."""
    samples = shown()
    assert 1.0 == samples["numberflow_journal_readable"]
    assert 2.0 == samples['numberflow_purchases_total{operation="search-and-rent"}']
    assert 1.0 == samples['numberflow_steps{operation="rent",state="needs_person"}']
    assert 2.1 == samples['numberflow_charges_total{currency="USD"}']
    assert 1.0 == samples["numberflow_needs_person_open"]
    assert 90.0 == samples["numberflow_oldest_open_step_seconds"]
    assert 3.0 == samples['numberflow_orders_open{kind="link"}']
    assert 1.0 == samples['numberflow_stops{by="marker"}']
    assert 4.0 == samples['numberflow_runs_total{flow="reconcile",outcome="done"}']
    assert 5.0 == samples['numberflow_vendor_requests_total{host="a.test",status="429"}']
    assert 2.5 == samples['numberflow_export_seconds{project_id="p"}']


def test_a_journal_that_cannot_be_read_says_so() -> None:
    """And shows no figure that looks like one of now."""
    samples = shown(None)
    assert 0.0 == samples["numberflow_journal_readable"]
    assert not [name for name in samples if name.startswith("numberflow_needs_person")]


@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_every_metric_that_is_named_exists(file: str) -> None:
    """A metric that was renamed would leave a rule that never fires."""
    named = set(_METRIC.findall((FOLDER / file).read_text()))
    assert (set(), True) == (named - names(), bool(named))


def test_the_page_has_every_metric_and_every_alert() -> None:
    """docs/observability.md explains what the receiver shows and what the rules say, no more."""
    rows = set(re.findall(r"^\| `(numberflow_\w+)`", PAGE, re.MULTILINE))
    assert names() == rows
    alerts = re.findall(r"^\| (Numberflow\w+) \|", PAGE, re.MULTILINE)
    assert [rule["alert"] for rule in RULES] == alerts


def test_every_alert_says_what_to_do() -> None:
    """A sentence, a command of ours, and how soon somebody has to look."""
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule
        assert rule["annotations"]["summary"].endswith("."), rule
        assert rule["annotations"]["command"].startswith("numberflow "), rule
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule


def test_the_rules_by_promtool(tmp_path: Path) -> None:
    """Where Prometheus is installed its own tool reads the rules and plays their tests."""
    promtool = shutil.which("promtool")
    tests: dict[str, Any] = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())
    assert ["alerts.yaml"] == tests["rule_files"]
    tested = {case["alertname"] for each in tests["tests"] for case in each["alert_rule_test"]}
    assert {rule["alert"] for rule in RULES} == tested
    if promtool is not None:
        for command in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")):
            done = subprocess.run(
                [promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False
            )
            assert 0 == done.returncode, done.stdout + done.stderr


def test_the_dashboard_can_be_imported() -> None:
    """Panels have places of their own and take the data source that is chosen."""
    board = json.loads((FOLDER / "dashboard.json").read_text())
    panels = board["panels"]
    assert len(panels) == len({panel["id"] for panel in panels})
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(panels) == len(set(places))
    assert {"${datasource}"} == {panel["datasource"]["uid"] for panel in panels}
    assert ["datasource"] == [each["name"] for each in board["templating"]["list"]]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BadInput("quantity: +12025550123"), "bad_input"),
        (SpendRefused("too much", rule="cap_today"), "cap_today"),
        (Stopped("by Ada"), "stopped"),
        (None, "by_its_report"),
    ],
)
def test_a_reason_is_a_word(error: Any, reason: str) -> None:
    """Nothing of what the error says."""
    assert reason == reason_of(error)


def test_what_is_counted_has_a_metric() -> None:
    """The names in the journal's counters are those that the receiver knows."""
    code = "".join(
        (ROOT / path).read_text()
        for path in ("tasks/counted.py", "numberflow/purchase/run_context.py")
    )
    assert set(_COUNTED) == set(re.findall(r'CounterKey\(\s*"(\w+)"', code))
