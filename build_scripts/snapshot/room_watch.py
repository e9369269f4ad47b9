"""Process 1 of the clean room once the program runs: it waits for whatever comes first.

Stand-alone: used by room_child.py.
"""

from __future__ import annotations

import binascii
import os
import selectors
import signal
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from build_scripts.snapshot import room_api

PAGE = 4096


class Watch:
    """What process 1 waits for: its children, the builder's end, the clock, requests."""

    def __init__(self, lifeline: int, *, ranges: list[list[int]]) -> None:
        self.selector = selectors.DefaultSelector()
        self.selector.register(lifeline, selectors.EVENT_READ, lambda: os._exit(1))
        self.wakeup, write_end = os.pipe()
        for end in (self.wakeup, write_end):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        self.selector.register(self.wakeup, selectors.EVENT_READ, lambda: os.read(self.wakeup, 512))
        self.ranges = ranges
        self.api: room_api.Api | None = None

    def wait(self, program: int, end: float) -> dict[str, object]:
        """How the program ended: by itself, or stopped by us after its last answer or too late."""
        while True:
            for key, _ in self.selector.select(max(0.0, end - time.monotonic())):
                key.data()
            status = reap(program)
            if status is not None:
                return how(status)
            if self.api is not None and self.api.idle:
                pages = written_pages(program, self.ranges)
                return stopped(program) | {"stopped": True, "pages": pages}
            if time.monotonic() >= end:
                return stopped(program) | {"timed_out": True}

    def exchange(self, started: float) -> dict[str, object]:
        """What the Runtime API has seen; times in seconds since the program was started."""
        if self.api is None:
            return {}
        answers = [
            {"path": path, "body": binascii.b2a_base64(body).decode(), "seconds": when - started}
            for path, body, when in self.api.answers
        ]
        return {"answers": answers, "asked": [when - started for when in self.api.asked]}


def written_pages(program: int, ranges: list[list[int]]) -> list[int]:
    """Addresses of the pages in ``ranges`` (address, length) that the program has a copy of: those
    that it has written to. See Documentation/admin-guide/mm/pagemap.rst; empty where that is not
    allowed."""
    present, of_a_file = 1 << 63, 1 << 61
    found = []
    with suppress(OSError), open(f"/proc/{program}/pagemap", "rb", buffering=0) as pagemap:
        for address, length in ranges:
            entries = os.pread(pagemap.fileno(), length // PAGE * 8, address // PAGE * 8)
            for index, (entry,) in enumerate(struct.iter_unpack("<Q", entries)):
                if entry & present and not entry & of_a_file:
                    found.append(address + index * PAGE)
    return found


def reap(program: int) -> int | None:
    """Wait for all that has ended; the program's status when it is among them."""
    found = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == program:
                found = status
    return found


def stopped(program: int) -> dict[str, object]:
    with suppress(ProcessLookupError):
        os.kill(program, signal.SIGKILL)
    return how(os.waitpid(program, 0)[1])


def how(status: int) -> dict[str, object]:
    if os.WIFSIGNALED(status):
        return {"status": 0, "signal": os.WTERMSIG(status)}
    return {"status": os.WEXITSTATUS(status), "signal": None}
