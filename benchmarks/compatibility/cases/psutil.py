"""About this process and machine."""

import os

import psutil

EXPECTED = [True, True, True, True]


def use():
    me = psutil.Process()
    memory = psutil.virtual_memory()
    return [
        me.pid == os.getpid(),
        me.memory_info().rss > 1_000_000,
        memory.total >= memory.available > 0,
        psutil.cpu_count() >= 1,
    ]
