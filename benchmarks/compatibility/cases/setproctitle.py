"""Names the process."""

from pathlib import Path

import setproctitle

EXPECTED = ["a new name", "thread x"]


def use():
    before = setproctitle.getproctitle()
    setproctitle.setproctitle("a new name")
    setproctitle.setthreadtitle("thread x")
    found = [setproctitle.getproctitle(), Path("/proc/thread-self/comm").read_text().strip()]
    setproctitle.setproctitle(before)
    return found
