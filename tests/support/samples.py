"""Recorded replies from tests/samples, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent / "samples"


@dataclass(frozen=True)
class Sample:
    """One recorded reply."""

    status: int
    headers: dict[str, str]
    body: bytes


def load(name: str, api: str = "numbers") -> Sample:
    """The reply in tests/samples/`api`/`name`.http; `api` is numbers or imported."""
    head, _, body = (_ROOT / api / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    return Sample(status=int(first.split()[1]), headers=headers, body=body)
