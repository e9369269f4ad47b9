"""Ways to end the process."""

import os
import signal
import sys


class Ended(BaseException):
    pass


def raise_(error):
    raise error


HOW = {
    "exit-0": lambda: sys.exit(0),
    "exit-3": lambda: sys.exit(3),
    "exit-none": lambda: sys.exit(),
    "exit-text": lambda: sys.exit("a reason"),
    "builtin-exit": lambda: exit(4),
    "builtin-quit": lambda: quit(),
    "system-exit": lambda: raise_(SystemExit(5)),
    "os-exit": lambda: os._exit(6),
    "base-exception": lambda: raise_(Ended("ended")),
    "keyboard-interrupt": lambda: raise_(KeyboardInterrupt()),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminated": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "goes-on": lambda: "goes on",
}


def handler(event, context):
    return HOW[event["how"]]()
