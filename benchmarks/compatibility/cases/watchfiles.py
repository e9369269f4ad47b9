"""Sees a new file."""

import tempfile
import threading
import time
from pathlib import Path

from watchfiles import watch

EXPECTED = [["added", "new.txt"]]


def use():
    with tempfile.TemporaryDirectory() as folder:
        stop = threading.Event()
        new = Path(folder, "new.txt")

        def make():
            time.sleep(0.3)
            new.touch()

        threading.Thread(target=make).start()
        threading.Timer(15, stop.set).start()
        for changes in watch(folder, stop_event=stop, step=20, debounce=100):
            stop.set()
            return [[kind.name, Path(path).name] for kind, path in changes]
