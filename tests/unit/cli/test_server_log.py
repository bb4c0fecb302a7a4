"""The Prefect server's log: which errors its services have logged, each kind once."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.server_logs import require_quiet

from numberflow.cli.server_log import ServerLog

# As Prefect 3.9.1 wrote them with whenever 0.10.5 on Python 3.11 (2026-11-30); paths shortened.
SCHEDULER = """\
14:13:34.550 | ERROR   | prefect.server.services.scheduler - \
Error scheduling deployment UUID('{id}').
Traceback (most recent call last):
  File "prefect/server/services/scheduler.py", line 186, in _collect_flow_runs
    await models.deployments._generate_scheduled_flow_runs(
           ^^^^^^^^^^^^^^^^^
ValueError: tzinfo must be of type ZoneInfo (exactly), got Timezone('UTC')
"""
TWICE = SCHEDULER.format(id="1430deca-7fec-42f2-be72-deb77d40237e") + SCHEDULER.format(
    id="2cf697ba-386b-4cef-ba05-c742efa20025"
)
OTHERS = """\
Check out the dashboard at http://127.0.0.1:4200
14:13:35.000 | WARNING | prefect.server.services.loopservice - ERROR is only a word here
14:13:36.000 | ERROR   | prefect.server - Encountered exception in request:
sqlalchemy.exc.OperationalError: database is locked
14:13:36.050 | ERROR   | prefect.server.services.laterun - tried in vain
sqlite3.OperationalError: database is locked

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database is locked
[SQL: UPDATE worker SET last_heartbeat_time=?]
(Background on this error at: https://sqlalche.me/e/21/e3q8)
14:13:36.100 | ERROR   | docket.worker - schedule_deployments failed
"""


def test_errors_of_services(tmp_path: Path) -> None:
    """Errors of a kind are one; failed requests, a busy SQLite, an earlier server's are none."""
    log = tmp_path / "log"
    log.write_text(OTHERS)
    assert ["docket.worker"] == [error.logger for error in ServerLog(log).errors()]
    before = ServerLog.from_here(log)
    assert [] == before.errors()
    with log.open("a") as file:
        file.write(TWICE)
    (error,) = before.errors()
    assert "(2 times)" in str(error)
    assert "ValueError: tzinfo must be of type ZoneInfo" in str(error)
    assert ["docket.worker", "prefect.server.services.scheduler"] == [
        each.logger for each in ServerLog(log).errors()
    ]


def test_news(tmp_path: Path) -> None:
    """Each kind is told once, when the log has stopped growing: its traceback is there."""
    log = ServerLog.from_here(tmp_path / "log")
    first, _, rest = TWICE.partition("\n")
    log.path.write_text(first + "\n")
    assert [] == log.news()
    with log.path.open("a") as file:
        file.write(rest)
    assert [] == log.news()
    (error,) = log.news()
    assert error.cause
    assert [] == log.news()
    with log.path.open("a") as file:
        file.write(TWICE)
    assert [] == [*log.news(), *log.news()]


def test_tests_that_start_servers_look(tmp_path: Path) -> None:
    """The check at the end of a test session fails on a service's error, and names it."""
    log = tmp_path / "log"
    log.write_text(TWICE)
    with pytest.raises(AssertionError, match=r"scheduler: .*ZoneInfo"):
        require_quiet(log)
