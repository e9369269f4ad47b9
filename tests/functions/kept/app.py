import os
import threading
from pathlib import Path

import kept


def rights(address):
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, _, end = line.split()[0].partition("-")
        if int(begin, 16) <= address < int(end, 16):
            return line.split()[1]
    return "nothing"


def in_a_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(kept.facts()["own"]))
    thread.start()
    thread.join()
    return seen[0]


def handler(event, context):
    found = {name: rights(address) for name, address in kept.places().items()}
    import late

    return {
        "facts": {**kept.facts(), "key": kept.facts()["key"].hex()},
        "rights": found,
        "reserved": kept.use_reserved(),
        "thread": in_a_thread(),
        "late": late.last(),
        "processors": len(os.sched_getaffinity(0)),
    }
