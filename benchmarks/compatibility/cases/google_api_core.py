"""Retries, pages and errors."""

from google.api_core import exceptions, page_iterator, path_template, protobuf_helpers, retry
from google.protobuf import field_mask_pb2, wrappers_pb2

EXPECTED = [[3, "done"], "NotFound", "users/ada/books/7", ["value"], ["a", "b"]]


def use():
    calls = []

    @retry.Retry(initial=0.001, maximum=0.01)
    def flaky():
        calls.append(1)
        if len(calls) < 3:
            raise exceptions.ServiceUnavailable("later")
        return "done"

    said = flaky()
    error = type(exceptions.from_http_status(404, "none")).__name__
    name = path_template.expand("users/{user}/books/{book}", user="ada", book="7")
    one, two = wrappers_pb2.StringValue(value="a"), wrappers_pb2.StringValue(value="b")
    mask = protobuf_helpers.field_mask(one, two)
    assert isinstance(mask, field_mask_pb2.FieldMask)
    pages = page_iterator.Page(None, ["a", "b"], lambda parent, item: item)
    return [[len(calls), said], error, name, list(mask.paths), list(pages)]
