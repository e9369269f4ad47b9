"""Encodes a span."""

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

EXPECTED = ["work", ["n", 7], True]


def use():
    memory, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("test").start_as_current_span("work", attributes={"n": 7}) as span:
        number = span.get_span_context().trace_id
    encoded = encode_spans(memory.get_finished_spans())
    found = encoded.resource_spans[0].scope_spans[0].spans[0]
    attribute = found.attributes[0]
    same = int.from_bytes(found.trace_id, "big") == number
    return [found.name, [attribute.key, attribute.value.int_value], same]
