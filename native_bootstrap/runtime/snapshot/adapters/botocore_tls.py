"""Certificates in the image: a client's first connection does not have to read them.

botocore brings its own bundle along (or takes certifi's), the same file at build time and at run
time. urllib3 loads it anew for each connection: 5 ms of processor time, 70 ms of a function's with
128 MB.
"""

# ruff: noqa: SLF001 - botocore's privates are what this is about

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def preload(client: Any) -> None:
    """Load the bundle into the client's TLS context, once and for all."""
    if not str(client.meta.endpoint_url).startswith("https:"):
        return
    try:
        session = client._endpoint.http_session
        context = session._manager.connection_pool_kw["ssl_context"]
        path = sys.modules["botocore.httpsession"].get_cert_path(session._verify)
        load = context.load_verify_locations
        load(path)
    except (AttributeError, KeyError, TypeError, OSError):
        return  # another way of connecting, no verification, or a bundle that is not there

    def load_verify_locations(cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if cafile != path or capath or cadata:
            load(cafile, capath, cadata)

    vars(context)["load_verify_locations"] = load_verify_locations
