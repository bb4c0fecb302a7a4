"""Spans: a costly step around its request, and nothing of what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.purchases import order
from support.shop import Shop

from numberflow import traces
from numberflow.errors import BadInput, NotFound
from numberflow.models.reports import RunOutcome
from numberflow.settings import Settings
from numberflow.traces import set_up_traces, span

pytestmark = pytest.mark.anyio


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What the SDK would send."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(traces, "_TRACER", provider.get_tracer("numberflow"))
    yield exporter
    provider.shutdown()


def told(each: ReadableSpan) -> str:
    return each.to_json()


async def test_a_purchase(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    """The rent is a client span within its costly step; no span names number, reference, project or
    secret.
    """
    shop = Shop(tmp_path)
    report = await shop.buy(order(), "PO-1042")
    assert report is not None
    assert RunOutcome.DONE is report.outcome
    found = spans.get_finished_spans()
    (costly,) = (each for each in found if each.name == "costly step")
    assert {"numberflow.operation": "rent", "numberflow.state": "done"} == dict(
        costly.attributes or {}
    )
    (rent,) = (each for each in found if each.parent == costly.context and "POST" in each.name)
    assert rent.attributes is not None
    assert ("POST numbers", "CLIENT") == (rent.name, rent.kind.name)
    assert ("POST", 200) == (
        rent.attributes["http.request.method"],
        rent.attributes["http.response.status_code"],
    )
    assert "GET numbers" in {each.name for each in found}
    (number,) = report.phone_numbers
    secrets = [number, "PO-1042", shop.settings.project_id, shop.settings.key_id]
    secrets += [number.lstrip("+"), shop.settings.key_secret.get_secret_value()]
    text = "".join(told(each) for each in found)
    assert [] == [each for each in secrets if each in text]


def test_an_error_is_its_type(spans: InMemorySpanExporter) -> None:
    """Its text may name a number."""
    with pytest.raises(NotFound), span("step", server__address="a.test"):
        raise NotFound("no number +12025550123")
    (each,) = spans.get_finished_spans()
    assert {"server.address": "a.test", "error.type": "NotFound"} == dict(each.attributes or {})
    assert ("ERROR", ()) == (each.status.status_code.name, each.events)
    assert "+12025550123" not in told(each)


def _settings(**values: Any) -> Settings:
    return Settings(_env_file=None, home=Path("/nowhere"), **values)


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A span goes nowhere, and whoever asks for traces hears what to install."""
    import sys

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    set_up_traces(_settings())
    with span("step") as opened:
        assert not opened.is_recording()
    with pytest.raises(BadInput, match="NUMBERFLOW_TRACES"):
        set_up_traces(_settings(traces=True))


def test_with_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider is set once; that of somebody else stays."""
    set_to: list[Any] = []
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "set_tracer_provider", set_to.append)
    set_up_traces(_settings(traces=True))
    (provider,) = set_to
    assert "numberflow" == provider.resource.attributes["service.name"]
    provider.shutdown()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider(shutdown_on_exit=False))
    set_up_traces(_settings(traces=True))
    assert 1 == len(set_to)
