"""Quotes and reports in words and tables, for artifacts, forms and terminals alike. Pure.

Not here: where they are shown (tasks, cli) and what they say (report, planning.quote).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from numberflow.models.reports import (
    EmergencyReport,
    NumbersReport,
    OpenItem,
    OrderReport,
    PurchaseReport,
    RunOutcome,
    RunReport,
)
from numberflow.models.wording import first_of, typed
from numberflow.planning.quote import Quote

# Rows of a quote that are shown in the approval form; the whole quote is in its artifact.
QUOTE_ROWS_IN_FORM = 20
# Open steps that are named in the first paragraph; all of them follow with their commands.
STAKES_NAMED_MAX = 3
# Digits after the point that are shown at most: prices have four at most, the rest comes from
# dividing a period into months.
PLACES_MAX = 6


def amount(value: Decimal, currency: str) -> str:
    """An amount for people: at least two digits after the point, at most `PLACES_MAX`."""
    places = min(PLACES_MAX, max(2, -int(value.normalize().as_tuple().exponent))) if value else 2
    return f"{value:.{places}f} {currency}"


def report_rows(report: PurchaseReport) -> list[dict[str, str]]:
    """One row per number, for tables on the screen and in the UI."""
    rows = [
        {
            "phone number": line.phone_number or "not known yet",
            "state": line.state,
            "charged": amount(line.charged_today, report.currency),
            "per month": amount(line.monthly, report.currency),
            "confirmed": "yes" if line.confirmed else "no",
            "SMS": line.sms.replace("_", " "),
            "voice": line.voice.replace("_", " "),
            "advice": line.advice,
        }
        for line in report.numbers
    ]
    return rows or [
        {"phone number": "none", "state": report.outcome.value, "advice": report.remedy}
    ]


def report_text(report: PurchaseReport) -> str:
    """The report as markdown: outcome first, then money, then what a person has to do."""
    body = ["", _plan_words(report) if report.plan_only else _bought_words(report)]
    if report.approved_by:
        body.append(f"Approved by {report.approved_by}.")
    return framed(report, f"{report.reference}:", body, currency=report.currency)


def _bought_words(report: PurchaseReport) -> str:
    """What the purchase holds, and what this run has to do with it."""
    monthly = amount(report.monthly, report.currency)
    earlier = report.rented - report.rented_now
    by = f",{_by(report.earlier_runs)}" if report.earlier_runs else ""
    if not earlier:
        return (
            f"**{report.rented} of {report.asked}** numbers rented, "
            f"**{amount(report.charged_now, report.currency)}** "
            f"today, **{monthly}** a month."
        )
    return (
        f"**{report.rented} of {report.asked}** numbers held: {earlier} bought earlier{by}; "
        f"this run bought {report.rented_now}, **{amount(report.charged_now, report.currency)}** "
        "today. "
        f"**{monthly}** a month."
    )


def _plan_words(report: PurchaseReport) -> str:
    """What is held, what a run would still rent, and what that would cost."""
    cost = (
        f"{amount(report.quoted_today or Decimal(0), report.currency)} today and "
        f"{amount(report.quoted_monthly or Decimal(0), report.currency)} a month"
    )
    if not report.numbers:
        return f"Plan only: it would cost {cost}."
    held = (
        f"Plan only: **{report.rented} of {report.asked}** numbers are held already, "
        f"bought{_by(report.earlier_runs)} for {amount(report.charged_today, report.currency)}"
    )
    if not report.rented:
        held = f"Plan only: **0 of {report.asked}** numbers are held already"
    if report.open_items:
        held += f"; of {len(report.open_items)} it is not known"
    if not report.to_go:
        return f"{held}. A run would rent nothing."
    return f"{held}. **{report.to_go} to go** would cost {cost}."


def _by(runs: Sequence[str]) -> str:
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return f" by run {runs[0]}{more}" if runs else ""


def emergency_rows(report: EmergencyReport) -> list[dict[str, str]]:
    """One row per number, without its address."""
    return [
        {"phone number": line.phone_number, "state": line.state, "advice": line.advice}
        for line in report.numbers
    ]


def emergency_text(report: EmergencyReport) -> str:
    """The report as markdown: outcome, what to do, what is open. No address in it."""
    return framed(report, f"{report.reference or 'emergency addresses'}: {report.action}", ())


def framed(
    report: PurchaseReport | EmergencyReport | NumbersReport | OrderReport,
    title: str,
    body: Sequence[str],
    *,
    currency: str = "",
    remedies: Sequence[str] = (),
) -> str:
    """A report as markdown, in the order in which a person needs it.

    Title and outcome, what is at stake, the body, why, further remedies, open items, notes.
    """
    lines = [
        f"# {title} {report.outcome.value.replace('_', ' ')}",
        *stake_words(report, report.open_items, currency),
        *body,
        *why_words(report),
        *remedies,
    ]
    for item in report.open_items:
        lines += open_words(item, currency)
    return "\n".join([*lines, "", *(f"- {note}" for note in report.notes)])


def why_words(report: RunReport) -> list[str]:
    """Why a run ended so and what to do, as paragraphs; none where there is nothing to say."""
    words = (("Why", report.reason), ("What to do", report.remedy))
    return [line for name, text in words if text for line in ("", f"**{name}:** {text}")]


def stake_words(report: RunReport, items: Sequence[OpenItem], currency: str = "") -> list[str]:
    """What is at stake, as the first paragraph of a report that needs a person.

    Nothing for any other.

    Args:
        report: the report.
        items: its open steps.
        currency: of what they may have cost; empty when none of them has a price.
    """
    if report.outcome is not RunOutcome.NEEDS_PERSON:
        return []
    if not items:
        held = report.monthly if isinstance(report, PurchaseReport) else Decimal(0)
        return (
            ["", f"**At stake:** {amount(held, currency)} a month, for numbers that are held."]
            if held
            else []
        )
    named = [f"{item.operation.replace('_', ' ')} of {item.subject}" for item in items]
    cost = sum((item.at_stake for item in items), Decimal(0))
    money = (
        f"{amount(cost, currency)} that may have been charged"
        if cost and currency
        else "no known charge"
    )
    return [
        "",
        f"**At stake:** {money}, and whether it was done: {first_of(named, STAKES_NAMED_MAX)}.",
    ]


def open_words(item: OpenItem, currency: str) -> list[str]:
    """An open item as lines of markdown.

    What is not known, what is at stake, which command settles it.
    """
    stake = f" At stake: {amount(item.at_stake, currency)}." if currency else ""
    return [
        "",
        f"- {item.operation} of {item.subject} is *{item.state}*: {item.seen}.{stake}",
        f"  It took effect? Settle with {typed(item.command)}",
        "  It did not? The same with `--as refused`, or with `--as planned` to have it sent again",
    ]


def quote_text(quote: Quote, reference: str) -> str:
    """The quote as markdown, for the approval form."""
    lines = [
        f"## {reference}",
        "",
        (
            f"**{len(quote.lines)} {'number' if len(quote.lines) == 1 else 'numbers'}: "
            f"{amount(quote.today, quote.currency)} today, "
            f"{amount(quote.monthly, quote.currency)} a month.**"
        ),
        "",
        "| number | today | per month |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| {line.phone_number or 'picked by the vendor'} | {amount(line.today, quote.currency)} "
        f"| {amount(line.monthly, quote.currency)} |"
        for line in quote.lines[:QUOTE_ROWS_IN_FORM]
    ]
    if len(quote.lines) > QUOTE_ROWS_IN_FORM:
        lines.append(
            f"| … {len(quote.lines) - QUOTE_ROWS_IN_FORM} more in the quote artifact | | |"
        )
    if quote.warning:
        lines += ["", f"Note: {quote.warning}."]
    lines += ["", "Prices are read again after approval; if they have risen, nothing is rented."]
    return "\n".join(lines)
