"""What uv's messages mean. The texts are uv 0.13's own."""

from __future__ import annotations

import pytest

from build_scripts import installer
from native_bootstrap.errors import NoUsableWheelError, ResolutionError

HEAD = "uv failed with status 1:\nUsing CPython 3.11.7 interpreter at: /usr/bin/python\n"
NO_SOLUTION = (
    HEAD
    + """error: No solution found when resolving dependencies
  cause: Because there is no version of requests==99 and you require requests==99, we can conclude \
that your requirements are unsatisfiable.
"""
)
OFFLINE = (
    HEAD
    + """error: Request failed after 3 retries in 10.7s
  cause: Failed to fetch: https://example.com/simple/six/
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
)
NOT_CACHED = (
    HEAD
    + """error: No solution found when resolving dependencies
  cause: Because six was not found in the cache and you require six, we can conclude that your \
requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, \
registry packages may only be read from the cache.
"""
)
NO_WHEEL = (
    HEAD
    + """error: No solution found when resolving dependencies
  cause: Because all versions of markupsafe have no usable wheels and you require markupsafe, we \
can conclude that your requirements are unsatisfiable.
"""
)
BUILD = (
    HEAD
    + """error: Failed to build `thing==1.0`
  cause: The build backend returned an error
"""
)
FOREIGN = (
    HEAD
    + """error: Failed to download and build `zope-interface==8.7`
  cause: The built wheel `zope_interface-8.7-cp311-cp311-linux_x86_64.whl` is not compatible with \
the target Python 3.13 on Linux x86_64. Consider using `--no-build` to disable building wheels.
"""
)


@pytest.mark.parametrize(
    ("output", "kind", "part"),
    [
        (NO_SOLUTION, ResolutionError, "requirements.txt cannot be resolved:\nNo solution found"),
        (OFFLINE, ResolutionError, "cannot reach the package index"),
        (NOT_CACHED, ResolutionError, "cannot reach the package index"),
        (NO_WHEEL, NoUsableWheelError, "markupsafe have no usable wheels"),
        (BUILD, NoUsableWheelError, "thing==1.0"),
        (FOREIGN, NoUsableWheelError, "zope-interface==8.7"),
    ],
)
def test_messages(output, kind, part):
    error = installer.explain(output, "requirements.txt")
    assert type(error) is kind
    assert part in error.message
    assert error.hint
    assert "Using CPython" not in error.message
    assert "hint:" not in error.message


def test_long_reasons_are_cut():
    error = installer.explain("error: a\n" + "  cause: b\n" * 100, "r.txt")
    assert len(error.message.splitlines()) < 20
