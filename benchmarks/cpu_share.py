"""A part of one core, by a control group: what a small function gets on Lambda.

Version 1 of control groups (cpu.cfs_quota_us) and version 2 (cpu.max).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MINIMUM_US = 1000  # of a quota, for the kernel


class NotPermittedError(Exception):
    """No group can be made here; the text says why."""


@contextmanager
def limited(share: float, period_ms: float) -> Iterator[Path]:
    """A fresh group with nothing used yet; the file to write a process into."""
    period = round(period_ms * 1000)
    quota = round(share * period)
    if quota < MINIMUM_US:
        raise NotPermittedError(f"a quota of {quota} µs is below the kernel's {MINIMUM_US}")
    group: Path | None = None
    try:
        group = Path(tempfile.mkdtemp(prefix="benchmark-", dir=_hierarchy()))
        if (group / "cpu.cfs_quota_us").exists():
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {period}")
    except OSError as error:
        if group is not None:
            group.rmdir()
        raise NotPermittedError(f"{error.strerror}: {error.filename}") from error
    try:
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def _hierarchy() -> Path:
    """Where groups with a share of the CPU can be made."""
    unified: Path | None = None
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpu" in options.split(","):
            return Path(where)
        if kind == "cgroup2" and "cpu" in Path(where, "cgroup.controllers").read_text().split():
            unified = Path(where)
    if unified is None:
        raise NotPermittedError("no control group hierarchy has a CPU controller")
    control = unified / "cgroup.subtree_control"
    if "cpu" not in control.read_text().split():
        try:
            control.write_text("+cpu")
        except OSError as error:
            raise NotPermittedError(f"{error.strerror}: {control}") from error
    return unified
