"""The interpreted twin: `python -m native_bootstrap.runtime app.handler` on any CPython."""

from __future__ import annotations

import sys

from native_bootstrap.runtime import environment, loop
from native_bootstrap.runtime.api import RuntimeApiClient


def main(arguments: list[str]) -> None:
    """Serve the function from source, with the task root importable."""
    name = loop.choose_handler(arguments)
    root = environment.get("LAMBDA_TASK_ROOT")
    if root and root not in sys.path:
        sys.path.insert(0, root)
    loop.run(RuntimeApiClient(), name, None)


if __name__ == "__main__":
    main(sys.argv[1:])
