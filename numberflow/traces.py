"""Spans of OpenTelemetry: costly steps, and requests to the vendor.

Without the SDK (extra `otel`) a span costs a microsecond and goes nowhere. Prefect makes the spans
of flow and task runs, around these. A span names operation, state, host, method and status: no
number, no reference, no path, no text of an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from numberflow.errors import BadInput
from numberflow.settings import Settings

_TRACER = trace.get_tracer("numberflow")


@contextmanager
def span(name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: str) -> Iterator[Span]:
    """One span around a block. `attributes`: names with `__` for the point between their words.

    An exception marks it with its type alone: its text may name a number.
    """
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    with _TRACER.start_as_current_span(
        name, kind=kind, attributes=named, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(StatusCode.ERROR)
            raise


def set_up_traces(settings: Settings) -> None:
    """Send spans where the OTEL_ variables say, when `NUMBERFLOW_TRACES` asks for it.

    Repeat: safe. A provider that somebody else has set (opentelemetry-instrument) stays. What is
    left is sent when the process ends.

    Raises:
        BadInput: the SDK is not installed.
    """
    if not settings.traces or not isinstance(
        trace.get_tracer_provider(), trace.ProxyTracerProvider
    ):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise BadInput(
            "NUMBERFLOW_TRACES: the OpenTelemetry SDK is not installed",
            field="NUMBERFLOW_TRACES",
            remedy="install numberflow[otel], or unset the variable",
        ) from None
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come on top.
    provider = TracerProvider(resource=Resource.create({"service.name": "numberflow"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
