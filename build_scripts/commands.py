"""What ``build-native pack …`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from build_scripts import options, pack

if TYPE_CHECKING:
    import argparse

    from build_scripts.log import Log


def run_pack(parsed: argparse.Namespace, *, log: Log) -> int:
    """Run one action of ``pack``. What is asked for goes to stdout, progress to stderr."""
    if parsed.action == "list":
        for found in pack.list_packs():
            print(f"{found.root.name}  CPython {found.version}  {found.root}")
    elif parsed.action == "import":
        print(pack.import_(parsed.archive, log=log).root)
    else:
        target = options.resolve({"arch": parsed.arch, "cpu": parsed.cpu}).target
        if parsed.action == "build":
            ready = pack.build(target, log=log, local_sources=parsed.sources, verify=parsed.verify)
        else:
            ready = pack.ensure(target, log=log)
        if parsed.action == "export":
            pack.export(ready, parsed.archive, log=log)
        print(parsed.archive if parsed.action == "export" else ready.root)
    return 0
