"""A request of the protocol."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

EXPECTED = ["work", "SPAN_KIND_SERVER", 1]


def use():
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(name="work", kind=Span.SPAN_KIND_SERVER, trace_id=bytes(16))
    again = ExportTraceServiceRequest.FromString(request.SerializeToString())
    span = again.resource_spans[0].scope_spans[0].spans[0]
    return [span.name, Span.SpanKind.Name(span.kind), len(again.resource_spans)]
