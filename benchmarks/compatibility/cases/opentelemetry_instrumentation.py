"""Wraps and unwraps a function."""

import json

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.instrumentation.utils import http_status_to_status_code, unwrap

EXPECTED = [["[1]", "wrapped"], "[1]", "ERROR"]
seen = []


def wrapper(wrapped, instance, args, kwargs):
    seen.append("wrapped")
    return wrapped(*args, **kwargs)


class Instrumentor(BaseInstrumentor):
    def instrumentation_dependencies(self):
        return ()

    def _instrument(self, **kwargs):
        wrapt.wrap_function_wrapper(json, "dumps", wrapper)

    def _uninstrument(self, **kwargs):
        unwrap(json, "dumps")


def use():
    instrumentor = Instrumentor()
    instrumentor.instrument()
    first = [json.dumps([1]), seen.pop()]
    instrumentor.uninstrument()
    last = json.dumps([1]) + "".join(seen)
    return [first, last, http_status_to_status_code(500).name]
