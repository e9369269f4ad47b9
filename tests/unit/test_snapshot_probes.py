"""What of a process's mappings and signals is an offence."""

from __future__ import annotations

import sys
import types

import pytest

from native_bootstrap.runtime.snapshot import probes

KNOWN = "01000000-01ff0000 r-xp 00000000 00:00 0 /var/task/bootstrap\n"


@pytest.fixture
def found(monkeypatch):
    """``found(line)``: what is new to the ledger when /proc/self/maps has this line as well."""
    text = {"/proc/self/maps": KNOWN}
    monkeypatch.setattr(probes, "_read", lambda path: text.get(path, ""))
    ledger = probes.Ledger(types.SimpleNamespace())
    ledger._has_own_heap = True
    ledger.take_baseline()

    def look(line: str) -> list[str]:
        text["/proc/self/maps"] = KNOWN + line + "\n"
        return [item[1] for item in ledger._items() if item[0] == "mapping"]

    return look


@pytest.mark.parametrize(
    "line",
    [
        "800000000-800002000 r--p 00b00000 08:01 77 /var/task/bootstrap",
        "800002000-800005000 r-xp 00b02000 08:01 77 /var/task/bootstrap",
        "800005000-800009000 rw-p 00000000 00:00 0",
        "800009000-900000000 ---p 00000000 00:00 0",
        "fffff0000-1000000000 r--p 00000000 08:01 78 /tmp/module.so",
        "1000000000-1400000000 rw-p 00000000 00:00 0",
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]",
    ],
)
def test_what_an_image_holds(found, line):
    assert found(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "800005000-800009000 rwxp 00000000 00:00 0",
        "800005000-800009000 rw-s 00000000 00:01 5 /dev/zero (deleted)",
        "7ff800000-800000000 rw-p 00000000 00:00 0",
        "1400000000-1400001000 rw-p 00000000 00:00 0",
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0",
        "7f0000000000-7f0000001000 r--p 00000000 08:01 79 /var/task/data.bin",
    ],
)
def test_what_it_does_not(found, line):
    assert found(line) == [line.partition(" ")[0]]


@pytest.mark.parametrize(("own", "expected"), [(0, [("handler", "5")]), (1 << 5, [])])
def test_signals_of_the_core_itself(monkeypatch, own, expected):
    """While initialising, SIGTRAP answers for the processor."""
    core = types.ModuleType("_nb_snapshot")
    core.own_signals = lambda: own
    monkeypatch.setitem(sys.modules, "_nb_snapshot", core)
    now = {line.split(":")[0]: line for line in probes._read("/proc/self/status").splitlines()}
    caught = int(now["SigCgt"].split()[1], 16) | 1 << 4
    text = f"{now['SigIgn']}\nSigCgt:\t{caught:016x}\n"
    before = list(probes._foreign_handlers())
    monkeypatch.setattr(probes, "_read", lambda path: text)
    assert [item for item in probes._foreign_handlers() if item not in before] == expected
