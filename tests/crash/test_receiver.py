"""The receiver as a process: what it takes is on disk, what it refuses learns nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from support.receiving import PREVIOUS, PROJECT, body_of, environment, receiver, signed

from numberflow.journal import Journal
from numberflow.receiver.secrets import CallbackSecrets, SecretFile
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve

pytestmark = pytest.mark.crash
PATH = f"/callbacks/{PROJECT}"


def inbox(home: Path) -> Journal:
    return Journal.open(f"sqlite:///{home / 'numberflow.db'}")


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()


def status_of(connection: socket.socket) -> int:
    """The status of the reply that comes."""
    return int(connection.recv(4096).split()[1])


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side closes it."""
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


@contextmanager
def sent(port: int, request: bytes) -> Iterator[socket.socket]:
    """A connection on which these bytes were sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        yield connection


def test_what_is_taken_and_what_is_not(tmp_path: Path) -> None:
    """Signed bodies are kept once, unreadable ones too; no stranger gets more than a status. 503 is
    for what is signed and cannot be stored: the vendor delivers it again.
    """
    with (
        receiver(environment(tmp_path)) as running,
        sent(running.port, HEAD) as half,
        sent(running.port, HEAD + b"Content-Length: 9\r\n\r\nx") as slow,
    ):
        http, body = running.http, body_of()
        assert 200 == http.post(PATH, content=body, headers=signed(body)).status_code
        assert 200 == http.post(PATH, content=body, headers=signed(body)).status_code
        old = body_of("e2", resourceType="SOMETHING_NEW", eventType="NEVER_HEARD", status="ODD")
        assert 200 == http.post(PATH, content=old, headers=signed(old, PREVIOUS)).status_code
        odd = b"\xff[" * 100
        assert 200 == http.post(PATH, content=odd, headers=signed(odd)).status_code

        large = b"x" * (64 * 1024 + 1)
        refused = [
            (401, http.post(PATH, content=body)),
            (401, http.post(PATH, content=body, headers=signed(body, "another"))),
            (401, http.post(PATH, content=body + b" ", headers=signed(body))),
            (401, http.post("/callbacks/nobody", content=body, headers=signed(body))),
            (401, http.post(PATH)),
            (413, http.post(PATH, content=large, headers=signed(large))),
        ]
        assert [(status, b"") for status, _ in refused] == [
            (reply.status_code, reply.content) for _, reply in refused
        ]
        assert [405, 404, 404] == [
            http.get(PATH).status_code,
            http.post("/").status_code,
            http.post("/callbacks/a/b").status_code,
        ]
        chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n" + b"x" * 0x10001
        for status, request in ((413, chunked), (400, b"\x00\x01 nonsense\r\n\r\n")):
            with sent(running.port, request) as connection:
                assert status == status_of(connection)
        with inbox(tmp_path) as journal, journal._database.write():
            # The database is busy for longer than the vendor would wait.
            later = body_of("e3")
            assert 503 == http.post(PATH, content=later, headers=signed(later)).status_code
            assert 401 == http.post(PATH, content=later).status_code
        assert 408 == status_of(slow)
        # No whole head came: it is disconnected without a word.
        assert is_closed(half)
        metrics = running.metrics()
        assert (3, 1, 1, 2) == tuple(
            metrics[f"numberflow_{name}"]
            for name in (
                "callbacks_stored_total",
                "callbacks_duplicate_total",
                "callbacks_unreadable_total",
                "inbox_waiting",
            )
        )
        assert {
            "unsigned": 3,
            "forged": 2,
            "no secret": 1,
            "too large": 2,
            "slow": 1,
            "not stored": 1,
        } == {
            name.split('"')[1]: value
            for name, value in metrics.items()
            if name.startswith("numberflow_callbacks_refused_total")
        }
        ready = http.get("/ready")
        assert (200, {PROJECT: {"numbers": True, "imported": False}}) == (
            ready.status_code,
            ready.json()["secrets"],
        )
    with inbox(tmp_path) as journal:
        assert (2, 1) == journal.inbox(PROJECT)[:2]


def test_more_connections_than_it_may_hold(tmp_path: Path) -> None:
    """Those that send nothing make room, the oldest first; a signed callback is taken."""
    body = body_of()
    with receiver(environment(tmp_path)) as running, ExitStack() as opened:
        many = [opened.enter_context(sent(running.port, HEAD)) for _ in range(600)]
        reply = running.http.post(PATH, content=body, headers=signed(body))
        assert 200 == reply.status_code
        assert is_closed(many[0])
        files = len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))
    assert 500 < files < 600


def test_without_a_secret(tmp_path: Path) -> None:
    """Nothing is taken, /ready says why; a secret that a rotation writes counts at once."""
    variables = environment(tmp_path, SINCH_CALLBACK_SECRET="", SINCH_CALLBACK_SECRET_PREVIOUS="")
    body = body_of()
    with receiver(variables) as running:
        assert 401 == running.http.post(PATH, content=body, headers=signed(body)).status_code
        ready = running.http.get("/ready")
        assert 503 == ready.status_code
        assert "numberflow callbacks rotate" in ready.json()["advice"]
        secret = "rotated-in-0123456789-0123456789"
        SecretFile(tmp_path).write(
            PROJECT, "imported", CallbackSecrets(current=Settings(key_secret=secret).key_secret)
        )
        time.sleep(1.0)  # the file is read again once a second
        reply = running.http.post(PATH, content=body, headers=signed(body, secret))
        assert 200 == reply.status_code
    assert 0o600 == (tmp_path / "callback-secrets.json").stat().st_mode & 0o777


def test_two_receivers_keep_each_event_once(tmp_path: Path) -> None:
    """Both get all 200 events at once, and there are 200 rows."""
    variables = environment(tmp_path)
    with receiver(variables) as one, receiver(variables) as other:

        def send(n: int) -> int:
            body = body_of(f"e{n % 200}")
            url = (one, other)[n // 200].url + PATH
            return http.post(url, content=body, headers=signed(body)).status_code

        with httpx.Client(trust_env=False, timeout=30) as http, ThreadPoolExecutor(16) as threads:
            assert {200} == set(threads.map(send, range(400)))
        both = [running.metrics() for running in (one, other)]
        assert 200 == sum(each["numberflow_callbacks_stored_total"] for each in both)
        assert 200 == sum(each["numberflow_callbacks_duplicate_total"] for each in both)
    with inbox(tmp_path) as journal:
        assert 200 == journal.inbox(PROJECT).waiting


def test_killed_between_store_and_reply(tmp_path: Path) -> None:
    """The simulator gets no answer, delivers again to the next receiver, and there is one row.

    SIGTERM then ends it after the requests that it has taken.
    """
    with serve(Simulator(SimulatorSettings(seed=3, active=1, speed=0))) as vendor:
        world = vendor.simulator.world
        project = vendor.environment["SINCH_PROJECT_ID"]
        variables = environment(tmp_path, SINCH_PROJECT_ID=project)
        world.hmac_secret = variables["SINCH_CALLBACK_SECRET"]
        control = httpx.Client(base_url=vendor.control_url, trust_env=False, timeout=30)
        with receiver(variables) as first:
            port = first.port
            action = {
                "action": "callback",
                "phone_number": "+13075550142",
                "url": f"{first.url}/callbacks/{project}",
            }
            with inbox(tmp_path) as journal:
                # Its reply waits for the commit: stop it as soon as the row is there.
                control.post("/script", json=action)
                control.post("/clock/advance", json={"seconds": 2})
                while not journal.inbox(project).waiting:
                    time.sleep(0.001)
                first.kill()
        with receiver(variables, port=port) as second:
            control.post("/clock/advance", json={"seconds": 10})
            until = time.monotonic() + 30
            while (seen := control.get("/callbacks").json()["callbacks"][0])["state"] == "pending":
                assert time.monotonic() < until, seen
                time.sleep(0.02)
            assert "delivered" == seen["state"]
            os.kill(second.process.pid, signal.SIGTERM)
            second.process.wait(timeout=30)
        control.close()
    with inbox(tmp_path) as journal:
        (row,) = journal.waiting_callbacks(project, limit=9)
        assert json.dumps(seen["body"]["eventId"]) == json.dumps(row.event_id)
