"""uuid: the node, and the last time that was given out, are this process's to find."""

from __future__ import annotations

import sys

# The later ones are of 3.14.
_KEPT = ("_node", "_last_timestamp", "_last_timestamp_v6", "_last_timestamp_v7")


def freeze() -> None:
    space = vars(sys.modules["uuid"])
    space.update((name, None) for name in _KEPT if name in space)
