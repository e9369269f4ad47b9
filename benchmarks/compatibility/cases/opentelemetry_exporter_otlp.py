"""Both exporters, found as entry points."""

from importlib.metadata import entry_points

import opentelemetry.exporter.otlp.version
from opentelemetry.sdk.trace.export import SpanExporter

EXPECTED = [["OTLPSpanExporter"], True]


def use():
    (found,) = entry_points(group="opentelemetry_traces_exporter", name="otlp")
    kind = found.load()
    assert opentelemetry.exporter.otlp.version.__version__
    return [[kind.__name__], issubclass(kind, SpanExporter)]
