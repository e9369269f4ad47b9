"""Under which conditions a function starts: its share of the CPU, what is in the page cache.

A function with less than 1,769 MB gets a part of one core. Here a control group does that (version
1: cpu.cfs_quota_us, version 2: cpu.max), in periods: running up to the quota, then waiting for the
next period. What needs less than its first portion does not wait at all.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from native_bootstrap.errors import FatalError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

FULL_CORE_MB = 1769  # with which a function has one core
PERIOD_US = 20_000
MINIMUM_US = 1000  # of a quota, for the kernel
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


class NotPermittedError(FatalError):
    """This machine does not allow the condition; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """``memory``: MB of the function, None: all of the machine's cores."""

    memory: int | None = None
    cold_cache: bool = False

    @property
    def name(self) -> str:
        """As in samples.jsonl."""
        if self.cold_cache:
            return "cold cache"
        return f"{self.memory} MB" if self.memory else "full"

    def check(self) -> None:
        """Before the first start. NotPermittedError where it cannot be had here."""
        if self.cold_cache:
            os.sync()  # pages that are not on the disk yet cannot be dropped
        with self.group():
            self.prepare()

    def group(self) -> AbstractContextManager[Path | None]:
        """A fresh control group with nothing used yet: the file to write a process into."""
        return limited(self.memory / FULL_CORE_MB) if self.memory else nullcontext()

    def prepare(self) -> None:
        """Just before a start."""
        if self.cold_cache:
            try:
                DROP_CACHES.write_text("1")
            except OSError as error:
                raise NotPermittedError(f"{error.strerror}: {DROP_CACHES}") from error


FULL = Condition()


@contextmanager
def limited(share: float, period: int = PERIOD_US) -> Iterator[Path]:
    """A control group with this share of a core; the file to write a process into.

    Its weight is the greatest there is: the quota is to hold it up, not what else is running.
    """
    quota = round(share * period)
    if quota < MINIMUM_US:
        raise NotPermittedError(f"a quota of {quota} µs is below the kernel's {MINIMUM_US}")
    group: Path | None = None
    try:
        group = Path(tempfile.mkdtemp(prefix="benchmark-", dir=_hierarchy()))
        if (group / "cpu.cfs_quota_us").exists():
            (group / "cpu.cfs_period_us").write_text(str(period))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
            (group / "cpu.shares").write_text("262144")
        else:
            (group / "cpu.max").write_text(f"{quota} {period}")
            (group / "cpu.weight").write_text("10000")
    except OSError as error:
        if group is not None:
            _remove(group)
        raise NotPermittedError(f"{error.strerror}: {error.filename}") from error
    try:
        yield group / "cgroup.procs"
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """After an interrupt its process may still be ending; a group left behind is empty and idle."""
    for _ in range(50):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)


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
