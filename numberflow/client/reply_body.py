"""The body of a reply, piece by piece and within limits: no reply may fill the memory.

Belongs here: how much is read, and undoing gzip. Both ways off the wire use it (transport.py,
bulk.py). Does not: sockets, and what a body means (protocol.py).
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Mapping

# A page of 1000 numbers has 1 MB. Eight times as much leaves room for long names, and twelve such
# bodies at once, which an export may hold, still fit the memory of a small worker.
BODY_BYTES_MAX = 8 << 20

_GZIP = 16 + zlib.MAX_WBITS


class ReplyRefused(Exception):
    """A reply that is not read to its end. `cause` is the machine word of OutcomeUnknown."""

    def __init__(self, what: str, *, cause: str) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause


async def read_body(
    headers: Mapping[str, str], pieces: AsyncIterable[bytes], bytes_max: int
) -> bytes:
    """The decoded body, of at most `bytes_max`, as it came and as it is unpacked.

    Args:
        headers: of the reply, names in lower case.
        pieces: the body as it comes off the wire, not decoded.
        bytes_max: what is larger is not read any further.

    Raises:
        ReplyRefused: it is larger (`too_large`), or its encoding is another one or damaged
            (`undecodable`).
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > bytes_max:
        raise _too_large(f"a body of {int(declared[:20]):,} bytes,", bytes_max)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise ReplyRefused("a body in an encoding that was not asked for", cause="undecodable")
    # zlib stops at a length; the decoders of httpx and aiohttp would unpack a thousandfold first.
    gzip = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
    body: list[bytes] = []
    came = unpacked = 0
    async for piece in pieces:
        came += len(piece)
        if came > bytes_max:
            raise _too_large("a body of", bytes_max)
        if gzip is None:
            body.append(piece)
            continue
        try:
            body.append(gzip.decompress(piece, bytes_max - unpacked + 1))
        except zlib.error:
            raise ReplyRefused("a body that is not the gzip it says", cause="undecodable") from None
        unpacked += len(body[-1])
        if unpacked > bytes_max:
            raise _too_large(f"{came:,} bytes of gzip that unpack to", bytes_max)
    if gzip is not None and came and not gzip.eof:
        raise ReplyRefused("gzip without its end", cause="undecodable")
    return b"".join(body)


def _too_large(what: str, bytes_max: int) -> ReplyRefused:
    return ReplyRefused(
        f"{what} more than the {bytes_max:,} bytes that a reply may have", cause="too_large"
    )
