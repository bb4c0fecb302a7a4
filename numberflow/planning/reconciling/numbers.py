"""One number: what the journal says of it, what the vendor shows, and where the two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from numberflow.planning.reconciling.kinds import Finding, Kind
from numberflow.planning.reconciling.lines import (
    Custody,
    Does,
    Horizon,
    JournalSide,
    Line,
    Stand,
    VendorSide,
)

Row = Mapping[str, Any]

# Half a cent in either direction is rounding: what a month costs is kept with two digits, what a
# period costs is shown with up to six.
_ROUNDING = Decimal("0.01")
_ALIVE = frozenset({Stand.PLANNED, Stand.UNKNOWN, Stand.UNDER_WAY})
# `rent any` puts it into the callback URL (steps.rent_any).
_MARKER = "numberflow="


@dataclass(frozen=True, slots=True)
class Held:
    """What the journal says of one number.

    Fields:
        holders: the steps by which we hold it, oldest first; of several references if two got it.
        adopted: a person took it in, and it is not said to be gone.
        given_up: the last step that gave it up, when none got it since.
        said_gone: a person said that it is gone, and nothing got it since.
        is_moving: a step that gets it or gives it up is not over.
        traces: steps that asked for it and were refused.
        latest: when any step of it changed last.
        wants: what was last asked for → by which reference.
        has_address: whether it is to have an emergency address; None when nothing was asked.
    """

    holders: tuple[Line, ...]
    adopted: Custody | None
    given_up: Line | None
    said_gone: Custody | None
    is_moving: bool
    traces: tuple[Line, ...]
    latest: datetime | None
    wants: Mapping[str, tuple[str, str]]
    has_address: bool | None
    address_reference: str

    @property
    def is_explained(self) -> bool:
        """Whether a reference or a person accounts for it."""
        return bool(self.holders) or self.adopted is not None

    @property
    def reference(self) -> str:
        """Whose it is; "" when nobody said."""
        if self.holders:
            return self.holders[-1].reference
        return self.adopted.reference if self.adopted is not None else ""

    @property
    def how(self) -> str:
        """How it came to be ours, in words."""
        if self.holders:
            return f"reference {self.reference!r} holds it ({self.holders[-1].operation})"
        assert self.adopted is not None
        of = f" for {self.adopted.reference!r}" if self.adopted.reference else ""
        return f"adopted by {self.adopted.by}{of}"


def held(lines: Sequence[Line], custody: Custody | None) -> Held:
    """Add up what the journal says of one number. `lines` are its steps, in any order."""
    ordered = sorted(lines, key=_turn) if len(lines) > 1 else lines
    holders: list[Line] = []
    given_up: Line | None = None
    adopted = custody if custody is not None and custody.is_held else None
    gone = custody if custody is not None and not custody.is_held else None
    wants: dict[str, tuple[str, str]] = {}
    has_address: bool | None = None
    address_reference = ""
    for line in ordered:
        if line.stand is not Stand.DONE or (gone is not None and line.at <= gone.at):
            continue
        if line.does in (Does.GETS, Does.GIVES_UP) and (given_up or line.does is Does.GIVES_UP):
            # What was asked of it before belongs to a time that is over.
            holders, wants, has_address = [], {}, None
        if line.does is Does.GETS:
            holders.append(line)
            given_up = None
        elif line.does is Does.GIVES_UP:
            given_up = line
            if adopted is not None and adopted.at <= line.at:
                adopted = None
        elif line.does in (Does.PUTS_ADDRESS, Does.TAKES_ADDRESS):
            has_address = line.does is Does.PUTS_ADDRESS
            address_reference = line.reference
        for name, value in line.wants.items():
            wants[name] = (value, line.reference)
    return Held(
        holders=tuple(holders),
        adopted=adopted,
        given_up=given_up if adopted is None else None,
        said_gone=gone if not holders else None,
        is_moving=any(
            line.stand in _ALIVE and line.does in (Does.GETS, Does.GIVES_UP) for line in ordered
        ),
        traces=tuple(
            line for line in ordered if line.does is Does.GETS and line.stand is Stand.REFUSED
        ),
        latest=max((line.at for line in ordered), default=None),
        wants=wants,
        has_address=has_address,
        address_reference=address_reference,
    )


def _turn(line: Line) -> tuple[datetime, str]:
    """When the vendor was asked, and not when we learned what became of it."""
    return (line.sent_at or line.at, line.id)


def present(
    row: Row, known: Held, journal: JournalSide, vendor: VendorSide, horizon: Horizon
) -> Iterator[Finding]:
    """What does not agree about a number that the vendor shows."""
    number = row["phone_number"]
    if known.latest is not None and known.latest > vendor.read_at:
        return
    elsewhere = journal.elsewhere.get(number)
    if not known.is_explained:
        yield from _unexplained(row, known, journal, elsewhere)
        if row.get("expire_at") is None:
            # Whoever bought it: what was asked of it here is to be so.
            yield from _differs(row, known, is_linking=number in journal.linking)
            yield from _address(number, known, vendor)
        return
    if elsewhere is not None:
        yield Finding(
            Kind.TWO_PROJECTS,
            number,
            f"{known.how}, and project {elsewhere} holds it, too",
            "this project shows it",
            known.reference,
        )
    yield from _twice(number, known)
    leaves_at = row.get("expire_at")
    if leaves_at is not None:
        if not known.is_moving:
            yield Finding(
                Kind.LEAVING_UNASKED,
                number,
                f"{known.how}; no step of ours gives it up",
                f"it leaves the project on {leaves_at:%Y-%m-%d}",
                known.reference,
            )
        yield from _expires(row, known.how, known.reference, vendor, horizon)
        return
    yield from _differs(row, known, is_linking=number in journal.linking)
    yield from _address(number, known, vendor)
    yield from _price(row, known)


def absent(
    number: str, known: Held, claim: str | None, lines: Sequence[Line], vendor: VendorSide
) -> Iterator[Finding]:
    """What does not agree about a number that the vendor does not show."""
    if known.latest is not None and known.latest > vendor.read_at:
        return
    if known.holders:
        holder = known.holders[-1]
        if holder.is_shown and not known.is_moving and (vendor.has_hosted or not holder.is_hosted):
            yield Finding(
                Kind.IMPORTED_GONE if holder.is_hosted else Kind.RELEASED_ELSEWHERE,
                number,
                f"{known.how}; no step of ours gives it up",
                "the project does not hold it",
                known.reference,
            )
    elif known.adopted is not None:
        is_read = vendor.has_hosted or not known.adopted.is_hosted
        if known.adopted.at <= vendor.read_at and not known.is_moving and is_read:
            yield Finding(
                Kind.ADOPTED_GONE,
                number,
                known.how,
                "the project does not hold it",
                known.reference,
            )
    elif claim is not None and not any(
        line.id == claim and line.stand is not Stand.REFUSED for line in lines
    ):
        yield Finding(
            Kind.CLAIM_WITHOUT_NUMBER,
            number,
            f"intention {claim} claims it, and is no rent that could have bought it",
            "the project does not hold it",
        )


def _unexplained(
    row: Row, known: Held, journal: JournalSide, elsewhere: str | None
) -> Iterator[Finding]:
    """A number that costs money, and nobody of ours accounts for it."""
    number = row["phone_number"]
    if known.is_moving or row.get("expire_at") is not None or number in journal.leaving:
        # An open step is a finding of its own; a number that leaves costs nothing more.
        return
    costs = _costs(row)
    if elsewhere is not None:
        yield Finding(
            Kind.TWO_PROJECTS, number, f"project {elsewhere} holds it, and nothing here does", costs
        )
        return
    trace = _trace(row, known)
    if trace:
        last = known.given_up or next(reversed(known.traces), None)
        yield Finding(Kind.ORPHAN, number, trace, costs, last.reference if last else "")
    elif row["source"] == "imported":
        yield Finding(Kind.IMPORTED_UNKNOWN, number, "no step of ours imported it", "imported")
    else:
        yield Finding(Kind.BOUGHT_ELSEWHERE, number, "no step of ours names it", costs)


def _trace(row: Row, known: Held) -> str:
    """What of ours leads to the number without accounting for it, in words; empty if nothing."""
    if known.given_up is not None:
        return f"reference {known.given_up.reference!r} gave it up, and it does not leave"
    if known.said_gone is not None:
        return f"{known.said_gone.by} said that it is gone"
    if known.traces:
        last = known.traces[-1]
        return f"reference {last.reference!r} asked for it; its {last.operation} counts as refused"
    if _MARKER in (row.get("callback_url") or ""):
        return "its callback URL carries a mark of ours; no step of ours has it"
    return ""


def _twice(number: str, known: Held) -> Iterator[Finding]:
    names = dict.fromkeys(line.reference for line in known.holders)
    if len(names) > 1:
        yield Finding(
            Kind.CLAIMED_TWICE,
            number,
            f"held by {' and by '.join(repr(name) for name in names)}",
            "the project holds it once",
            known.reference,
        )
    if known.holders and known.adopted is not None and known.adopted.reference not in names:
        yield Finding(
            Kind.ADOPTED_AND_HELD,
            number,
            f"{known.how}; and {known.adopted.by} adopted it",
            "the project holds it once",
            known.reference,
        )


def _expires(
    row: Row, how: str, reference: str, vendor: VendorSide, horizon: Horizon
) -> Iterator[Finding]:
    leaves_at: datetime = row["expire_at"]
    if leaves_at - vendor.now <= horizon.expires:
        yield Finding(
            Kind.EXPIRES_SOON,
            row["phone_number"],
            how,
            f"it leaves the project on {leaves_at:%Y-%m-%d %H:%M} UTC",
            reference,
        )


def expires(row: Row, known: Held, vendor: VendorSide, horizon: Horizon) -> Iterator[Finding]:
    """That a number which we gave up is about to leave."""
    given = known.given_up
    if given is not None and row.get("expire_at") is not None:
        how = f"reference {given.reference!r} gave it up"
        yield from _expires(row, how, given.reference, vendor, horizon)


_LINKS = (
    (Kind.MOVED_SERVICE_PLAN, "service_plan_id", "sms_service_plan_id", "sms_provisioning"),
    (Kind.MOVED_CAMPAIGN, "campaign_id", "sms_campaign_id", "sms_provisioning"),
    (Kind.MOVED_VOICE, "voice_id", "voice_target_id", "voice_provisioning"),
)
_JOB_COLUMN = {
    "service_plan_id": "sms_provisioning_service_plan_id",
    "campaign_id": "sms_provisioning_campaign_id",
    "voice_id": "voice_provisioning_target_id",
}
_WORDS = {
    "service_plan_id": "service plan",
    "campaign_id": "campaign",
    "voice_id": "voice link",
    "callback_url": "callback URL",
    "display_name": "display name",
}
_TEXTS = ((Kind.WRONG_CALLBACK_URL, "callback_url"), (Kind.RENAMED, "display_name"))


def _differs(row: Row, known: Held, *, is_linking: bool) -> Iterator[Finding]:
    """Links, callback URL and name that are not what was last asked for."""
    number = row["phone_number"]
    for kind, name, column, job in _LINKS:
        if name not in known.wants or is_linking:
            continue
        wanted, reference = known.wants[name]
        has = row.get(column) or ""
        same_voice = name != "voice_id" or not wanted or _voice_type(row, known) == ""
        if has == wanted and same_voice:
            continue
        status, target = row.get(f"{job}_status"), row.get(_JOB_COLUMN[name]) or ""
        if status and status != "FAILED" and target == wanted:
            continue
        shown = _told(name, has)
        if has == wanted:
            shown += f" of type {_voice_type(row, known)}"
        if status == "FAILED" and target == wanted:
            shown += "; the job that was to set it has failed"
        yield Finding(
            kind, number, f"asked for {_told(name, wanted)}", shown, reference, _links(known)
        )
    for kind, name in _TEXTS:
        if name in known.wants:
            wanted, reference = known.wants[name]
            has = row.get(name) or ""
            if has != wanted:
                said = (f"asked for {_told(name, wanted)}", _told(name, has))
                yield Finding(kind, number, *said, reference, {name: wanted})


def _voice_type(row: Row, known: Held) -> str:
    """The type of the voice link when it is not the wanted one; else empty."""
    wanted = known.wants.get("voice_type", ("", ""))[0]
    has = row.get("voice_type") or ""
    return has if wanted and has and has != wanted else ""


def _links(known: Held) -> dict[str, str]:
    names = ("service_plan_id", "campaign_id", "voice_type", "voice_id")
    return {name: known.wants[name][0] for name in names if name in known.wants}


def _told(name: str, value: str) -> str:
    return f"{_WORDS[name]} {value}" if value else f"no {_WORDS[name]}"


def _address(number: str, known: Held, vendor: VendorSide) -> Iterator[Finding]:
    shown = vendor.addresses.get(number)
    if known.has_address is None or shown is None or shown == known.has_address:
        return
    if known.has_address:
        kind, did, has = Kind.ADDRESS_MISSING, "given", "no emergency address"
    else:
        kind, did, has = Kind.ADDRESS_UNASKED, "removed", "an emergency address"
    yield Finding(
        kind, number, f"its emergency address was {did}", f"it has {has}", known.address_reference
    )


def _price(row: Row, known: Held) -> Iterator[Finding]:
    base = known.holders[-1] if known.holders else known.adopted
    assert base is not None, "only of numbers that are explained"
    amount, currency = row.get("price_amount"), row.get("price_currency")
    if amount is None or not currency or not base.currency:
        return
    number = row["phone_number"]
    if currency != base.currency:
        said = (f"priced in {base.currency}", f"{_costs(row)}")
        yield Finding(Kind.CURRENCY_CHANGED, number, *said, known.reference)
    elif base.monthly is not None:
        monthly = amount / (row.get("payment_interval_months") or 1)
        if monthly - base.monthly > _ROUNDING:
            was = f"{_plain(base.monthly)} {currency} a month when it was {_got(base)}"
            yield Finding(Kind.PRICE_RISE, number, was, _costs(row), known.reference)


def _got(base: Line | Custody) -> str:
    return "adopted" if isinstance(base, Custody) else "bought"


def _costs(row: Row) -> str:
    """What a number costs a month, in words."""
    amount = row.get("price_amount")
    if amount is None:
        return "the project holds it; its price is not shown"
    monthly = amount / (row.get("payment_interval_months") or 1)
    return f"{_plain(monthly)} {row.get('price_currency') or ''} a month".replace("  ", " ")


def _plain(amount: Decimal) -> str:
    rounded = amount.quantize(Decimal("0.0001")).normalize()
    exponent = rounded.as_tuple().exponent
    return f"{rounded:f}" if isinstance(exponent, int) and exponent < -2 else f"{rounded:.2f}"
