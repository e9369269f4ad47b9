"""Spans, and the headers that carry them on."""

import os

os.environ.setdefault("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
os.environ.setdefault("DD_TRACE_ENABLED", "false")
from ddtrace.propagation.http import HTTPPropagator
from ddtrace.trace import Context, tracer

EXPECTED = ["work", "yes", True, 1234]


def use():
    with tracer.trace("work", service="here") as span:
        span.set_tag("fine", "yes")
        headers = {}
        HTTPPropagator.inject(span.context, headers)
        found = HTTPPropagator.extract({"x-datadog-trace-id": "1234", "x-datadog-parent-id": "5"})
    assert isinstance(found, Context)
    return [span.name, span.get_tag("fine"), "x-datadog-trace-id" in headers, found.trace_id]
