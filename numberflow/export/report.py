"""A snapshot as one HTML page with charts, which opens without a network.

It shows what is held, what it costs, what leaves and what changed. Every chart has a table of its
figures. Not here: counting (figures, costs, changes) and where the page goes (follow_up).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from numberflow.export.figures import LINK_STATES, ROWS_MAX, SOON_DAYS, Figures, Rows
from numberflow.export.publish import Partition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Regions with their own bar; the table under the chart has all.
REGIONS_MAX = 15

# Colour-blind people can tell these apart, and lightness does in print (Okabe and Ito's palette).
_COLOURS = {"LOCAL": "#0072B2", "MOBILE": "#E69F00", "TOLL_FREE": "#009E73"}
_OTHER_COLOURS = ("#56B4E9", "#D55E00", "#CC79A7", "#999999")
_LINK_COLOURS = dict(
    zip(LINK_STATES, ("#009E73", "#F0E442", "#56B4E9", "#D55E00", "#C3CAD1"), strict=True)
)


@dataclass(frozen=True, slots=True)
class ChangeDay:
    """How much changed on one date."""

    day: date
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One section of the page."""

    title: str
    says: str
    columns: Sequence[str] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    right: frozenset[str] = field(default_factory=frozenset)
    svg: str | None = None
    table_title: str = "The same as a table"


def report_page(
    snapshot: Partition,
    manifest: Mapping[str, Any],
    figures: Figures,
    costs: Mapping[str, Any],
    by_month: Mapping[str, Mapping[str, str]],
    changes: Sequence[ChangeDay],
    *,
    data_url: str,
) -> bytes:
    """The page, UTF-8.

    Args:
        snapshot: which one.
        manifest: its manifest.
        figures: counted from it.
        costs: manifest of its costs.
        by_month: currency → month → amount, as in the manifest of its forecast.
        changes: of the last days that have any, oldest first; the last may be the snapshot's own.
        data_url: where the data file is.
    """
    environment = Environment(
        loader=PackageLoader("numberflow.export", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        project_id=snapshot.project_id,
        day=f"{snapshot.snapshot_date:%Y-%m-%d}",
        snapshot_at=f"{figures.snapshot_at:%Y-%m-%d %H:%M}",
        numbers=f"{figures.numbers:,}",
        proofs=len(manifest["completeness"]["proofs"]),
        by_tokens=sum(
            proof.get("by") == "page tokens" for proof in manifest["completeness"]["proofs"]
        ),
        tiles=_tiles(snapshot, figures, costs, changes),
        notes=_notes(manifest, costs),
        parts=[
            _held(figures),
            *(_cost(currency, months) for currency, months in by_month.items()),
            _links(figures),
            _soon(figures),
            _changes(changes),
            _listed(
                "Leaving soon",
                f"{{}} numbers leave within {SOON_DAYS} days.",
                figures.leaving,
                ("expire_at",),
            ),
            _listed(
                "Links that failed",
                "{} numbers have an SMS or voice link that failed.",
                figures.failed,
                (
                    "sms_provisioning_status",
                    "sms_provisioning_error_codes",
                    "voice_provisioning_status",
                ),
            ),
            _listed(
                "Paid for and linked to nothing",
                "{} numbers cost money, stay, and have neither SMS nor voice.",
                figures.idle,
                ("price_amount", "price_currency", "next_charge_at"),
            ),
        ],
        run_id=manifest["run_id"],
        data_url=data_url,
    )
    return page.encode()


def _tiles(
    snapshot: Partition, figures: Figures, costs: Mapping[str, Any], changes: Sequence[ChangeDay]
) -> list[dict[str, str]]:
    tiles = [{"value": f"{figures.numbers:,}", "label": "numbers"}]
    tiles += [
        {"value": f"{Decimal(amount):,.2f} {currency}", "label": "a month"}
        for currency, amount in costs["monthly"].items()
    ]
    tiles += [
        {"value": f"{figures.leaving.count:,}", "label": f"leave in {SOON_DAYS} days"},
        {"value": f"{figures.failed.count:,}", "label": "with a failed link"},
        {"value": f"{figures.idle.count:,}", "label": "linked to nothing"},
    ]
    if changes and changes[-1].day == snapshot.snapshot_date:
        tiles.append(
            {
                "value": f"+{changes[-1].added:,} / \N{MINUS SIGN}{changes[-1].removed:,}",
                "label": "since the snapshot before",
            }
        )
    return tiles


def _notes(manifest: Mapping[str, Any], costs: Mapping[str, Any]) -> list[str]:
    notes = [
        f"{odd['rows']:,} rows are odd ({manifest['quality']['checked'][odd['rule']]}: not so): "
        f"{', '.join(odd['phone_numbers'])}"
        for odd in manifest.get("quality", {}).get("odd", ())
    ]
    if costs["without_price"]:
        notes.append(f"{costs['without_price']:,} numbers have no price and are in no sum.")
    if costs["without_next_charge"]:
        notes.append(
            f"{costs['without_next_charge']:,} numbers have no next charge and are not in the "
            "forecast."
        )
    if unknown := manifest.get("unknown_members"):
        notes.append(
            "The vendor sent members that the schema does not know, kept in the column extra: "
            f"{', '.join(unknown)}"
        )
    return notes


def _held(figures: Figures) -> _Part:
    counts = figures.by_region_and_type
    regions = sorted(
        {region for region, _ in counts}, key=lambda region: (-_of_region(figures, region), region)
    )
    types = sorted(
        {kind for _, kind in counts},
        key=lambda kind: (list(_COLOURS).index(kind) if kind in _COLOURS else 9, kind),
    )
    shown = regions[:REGIONS_MAX]

    def draw(axes: Axes) -> None:
        left = [0] * len(shown)
        for index, kind in enumerate(types):
            widths = [counts[region, kind] for region in shown]
            axes.barh(
                shown,
                widths,
                left=left,
                label=kind,
                color=_COLOURS.get(kind, _OTHER_COLOURS[index % 4]),
            )
            left = [start + width for start, width in zip(left, widths, strict=True)]
        for row, total in enumerate(left):
            axes.annotate(
                f"{total:,}", (total, row), (4, 0), textcoords="offset points", va="center"
            )
        axes.invert_yaxis()
        axes.margins(x=0.08)
        axes.legend(frameon=False, loc="lower right")

    rows = [
        {"region": region}
        | {kind: f"{counts[region, kind]:,}" for kind in types}
        | {"all": f"{_of_region(figures, region):,}"}
        for region in regions
    ]
    more = f" The chart has the {REGIONS_MAX} largest." if len(regions) > REGIONS_MAX else ""
    return _Part(
        "By region and type",
        f"{figures.numbers:,} numbers in {len(regions)} regions.{more}",
        ("region", *types, "all"), rows, frozenset({*types, "all"}),
        _svg(draw, height=0.8 + 0.32 * len(shown)) if shown else None,
    )  # fmt: skip


def _of_region(figures: Figures, region: str) -> int:
    return sum(count for (each, _), count in figures.by_region_and_type.items() if each == region)


def _cost(currency: str, months: Mapping[str, str]) -> _Part:
    amounts = [Decimal(amount) for amount in months.values()]

    def draw(axes: Axes) -> None:
        bars = axes.bar(list(months), [float(amount) for amount in amounts], color="#0072B2")
        axes.bar_label(bars, labels=[f"{amount:,.0f}" for amount in amounts], padding=2, fontsize=8)
        axes.set_ylabel(currency)
        axes.tick_params(axis="x", rotation=45)

    return _Part(
        f"Charges to come, {currency}",
        f"{sum(amounts, Decimal(0)):,.2f} {currency} in twelve calendar months; the first is the "
        "rest of this one.",
        ("month", currency),
        [{"month": month, currency: f"{Decimal(amount):,.2f}"} for month, amount in months.items()],
        frozenset({currency}),
        _svg(draw),
    )


def _links(figures: Figures) -> _Part:
    def draw(axes: Axes) -> None:
        left = [0, 0]
        for state in LINK_STATES:
            widths = [figures.sms[state], figures.voice[state]]
            axes.barh(["SMS", "voice"], widths, left=left, label=state, color=_LINK_COLOURS[state])
            left = [start + width for start, width in zip(left, widths, strict=True)]
        axes.invert_yaxis()
        axes.legend(frameon=False, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.15))

    pending = sum(
        counter[state]
        for counter in (figures.sms, figures.voice)
        for state in ("waiting", "in progress")
    )
    return _Part(
        "Links",
        f"{pending:,} links are still being made, "
        f"{figures.sms['failed'] + figures.voice['failed']:,} failed.",
        ("state", "SMS", "voice"),
        [
            {"state": state, "SMS": f"{figures.sms[state]:,}", "voice": f"{figures.voice[state]:,}"}
            for state in LINK_STATES
        ],
        frozenset({"SMS", "voice"}),
        _svg(draw, height=2.0),
    )


def _soon(figures: Figures) -> _Part:
    first = figures.snapshot_at.date()
    days = [first + timedelta(days=n) for n in range(SOON_DAYS + 1)]

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see _svg

        labels = [f"{day:%m-%d}" for day in days]
        axes.bar(
            labels,
            [figures.charges_by_day[day] for day in days],
            color="#56B4E9",
            label="charged again",
        )
        axes.bar(
            labels,
            [figures.leaving_by_day[day] for day in days],
            color="#D55E00",
            width=0.4,
            label="leave",
        )
        axes.set_xticks(range(0, len(labels), 3))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)

    return _Part(
        f"The next {SOON_DAYS} days",
        f"{figures.charges_by_day.total():,} numbers are charged again, {figures.leaving.count:,} "
        "leave.",
        ("day", "charged again", "leave"),
        [
            {
                "day": f"{day}",
                "charged again": f"{figures.charges_by_day[day]:,}",
                "leave": f"{figures.leaving_by_day[day]:,}",
            }
            for day in sorted({*figures.charges_by_day, *figures.leaving_by_day})
        ],
        frozenset({"charged again", "leave"}),
        _svg(draw),
    )


def _changes(changes: Sequence[ChangeDay]) -> _Part:
    if not changes:
        return _Part(
            "Changes of the last 30 days", "There is no earlier snapshot to compare with yet."
        )

    def draw(axes: Axes) -> None:
        from matplotlib import dates as untyped  # noqa: PLC0415 - see _svg
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see _svg

        dates: Any = untyped
        days = [each.day for each in changes]
        at = dates.date2num(days)
        axes.bar(at, [each.added for each in changes], color="#009E73", label="added")
        axes.bar(at, [-each.removed for each in changes], color="#D55E00", label="removed")
        axes.plot(
            at,
            [each.changed for each in changes],
            color="#17212b",
            marker="o",
            linewidth=1,
            label="fields changed",
        )
        axes.axhline(0, color="#5b6b7a", linewidth=0.8)
        # Spaced by date: nights without a snapshot are gaps.
        day, (first, last) = timedelta(days=1), (days[0], days[-1])
        axes.set_xlim(dates.date2num(first - day), dates.date2num(last + day))
        axes.xaxis.set_major_locator(dates.DayLocator(interval=1 + (last - first).days // 12))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%m-%d"))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(axis="x", rotation=45)
        axes.legend(frameon=False)

    return _Part(
        "Changes of the last 30 days",
        f"{sum(each.added for each in changes):,} added, "
        f"{sum(each.removed for each in changes):,} removed, "
        f"{sum(each.changed for each in changes):,} fields changed, in {len(changes)} snapshots.",
        ("date", "added", "removed", "fields changed"),
        [
            {
                "date": f"{each.day}",
                "added": f"{each.added:,}",
                "removed": f"{each.removed:,}",
                "fields changed": f"{each.changed:,}",
            }
            for each in reversed(changes)
        ],
        frozenset({"added", "removed", "fields changed"}),
        _svg(draw),
    )


def _listed(title: str, says: str, rows: Rows, columns: Sequence[str]) -> _Part:
    names = ("phone_number", "region_code", "number_type", "display_name", *columns)
    more = f" The first {ROWS_MAX} are listed." if rows.count > ROWS_MAX else ""
    return _Part(
        title,
        says.format(f"{rows.count:,}") + more,
        names,
        [{name: _shown(row[name]) for name in names} for row in rows.rows],
        table_title="The numbers",
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)


def _svg(draw: Any, height: float = 2.8) -> str:
    # Imported here: it takes half a second, and only drawing needs it.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Text stays text (searchable, in the reader's font). Ids are not random, so the same numbers
    # give the same page.
    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "numberflow",
            "font.family": "sans-serif",
            "font.size": 9,
        }
    ):
        figure = Figure(figsize=(9.2, height), layout="constrained")
        axes = figure.add_subplot()
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        draw(axes)
        sink = io.StringIO()
        figure.savefig(
            sink, format="svg", metadata={"Date": None, "Creator": None}, transparent=True
        )
    text = sink.getvalue()
    return text[text.index("<svg") :]
