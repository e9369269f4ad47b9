"""Sends a span to a collector on the loopback."""

from concurrent import futures

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

EXPECTED = ["work"]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.got = []

    def Export(self, request, context):  # noqa: N802 - the protocol's name
        self.got.extend(span.name for span in request.resource_spans[0].scope_spans[0].spans)
        return trace_service_pb2.ExportTraceServiceResponse()


def use():
    server, collector = grpc.server(futures.ThreadPoolExecutor(1)), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    provider = TracerProvider()
    exporter = OTLPSpanExporter(f"127.0.0.1:{port}", insecure=True)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("work"):
        pass
    provider.shutdown()
    server.stop(None).wait()
    return collector.got
