"""Who holds a lease, and whether that process is provably dead. Knows neither SQL nor leases.

Reads /proc. Proof matters: a process that is wrongly taken for dead may still send. So the answer
is True or "cannot tell", never a guess. A process that is stopped, or lives on another machine or
in another container, keeps its lease until it expires.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import secrets
import socket
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import psutil

from numberflow.errors import BadInput

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Owner:
    """One holder of leases: a process, and which of its keepers (`nonce`).

    `host_id` names a process-id space, since `pid` means something only inside one. `started`
    distinguishes processes that had the same pid one after the other; it is empty where the system
    does not show it.
    """

    hostname: str
    host_id: str
    pid: int
    started: str
    nonce: str

    @classmethod
    def here(cls) -> Self:
        """A new owner in this process."""
        pid = os.getpid()
        return cls(
            hostname=socket.gethostname().replace("|", "-") or "localhost",
            host_id=_host_id(),
            pid=pid,
            started=_start_time(pid) or "",
            nonce=secrets.token_hex(6),
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; BadInput for anything else."""
        parts = text.split("|")
        if len(parts) != 5 or not parts[2].isdecimal():
            raise BadInput(
                f"owner: {text!r} is not a lease owner.",
                field="owner",
                remedy="write what the journal shows",
            )
        return cls(parts[0], parts[1], int(parts[2]), parts[3], parts[4])

    def __str__(self) -> str:
        return "|".join((self.hostname, self.host_id, str(self.pid), self.started, self.nonce))

    def described(self) -> str:
        """For people: which process on which machine."""
        return f"process {self.pid} on {self.hostname}"


def owner_is_dead(owner: str) -> bool | None:
    """True when that process has provably ended; None when this machine cannot tell."""
    try:
        other = Owner.parse(owner)
    except BadInput:
        return None
    if other.host_id != _host_id() or other.pid == os.getpid():
        # Our own pid: another keeper of this process, alive as long as we are; or an earlier
        # process, which has another start time.
        is_earlier = (
            other.pid == os.getpid()
            and other.host_id == _host_id()
            and _differs(other.started, os.getpid())
        )
        return True if is_earlier else None
    try:
        # Not psutil.pid_exists: where /proc hides other users' processes, it calls them dead.
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It exists and belongs to another user. /proc may still show that it is a different one.
        pass
    return True if _differs(other.started, other.pid) or _is_zombie(other.pid) else None


def describe(owner: str) -> str:
    """The owner for people, whatever the text is."""
    with contextlib.suppress(BadInput):
        return Owner.parse(owner).described()
    return owner


@cache
def _host_id() -> str:
    """Names the space in which pids are unique: this boot, and the pid namespace."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        # Looks like "pid:[4026531836]"; differs between containers that share a kernel.
        namespace = (_PROC / "self/ns/pid").readlink().name.removeprefix("pid:[").rstrip("]")
    except OSError:
        node = uuid.getnode()
        # The multicast bit marks a random address (RFC 9562 §6.10). Then nothing identifies this
        # machine, so nothing can be proven on it.
        machine = secrets.token_hex(8) if node >> 40 & 1 else f"{node:012x}"
        return f"{socket.gethostname()}-{machine}"
    return f"{boot}/{namespace}"


def _start_time(pid: int) -> str | None:
    """Clock ticks from boot to the start of the process; None where the system does not show it.

    Not psutil's create_time: that is a date, and moves when somebody sets the clock.
    """
    try:
        # After the command name, which may contain blanks and brackets. Field 22 of the line
        # (man 5 proc), the 20th after the name.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def _differs(started: str, pid: int) -> bool:
    now = _start_time(pid)
    return bool(started) and now is not None and now != started


def _is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits for its parent to notice.

    It has one thread left: a leader may end before its threads.
    """
    try:
        process = psutil.Process(pid)
        over = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        return over and process.num_threads() <= 1
    except psutil.Error:
        return False


def this_person() -> str:
    """Who types, as the journal names them."""
    return f"{getpass.getuser()}@{platform.node()}"
