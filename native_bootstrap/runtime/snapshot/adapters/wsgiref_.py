"""wsgiref: the copy of the environment that its handlers keep is of the running process's."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def freeze() -> None:
    _handlers().BaseHandler.os_environ = {}


def restore() -> None:
    module = _handlers()
    module.BaseHandler.os_environ = module.read_environ()


def _handlers() -> Any:
    return sys.modules["wsgiref.handlers"]
