import os
import platform
import socket

CPUS = os.cpu_count()
NAME = socket.gethostname()
SYSTEM = platform.uname()


def handler(event, context):
    return {
        "cpus": os.cpu_count() == CPUS,
        "name": os.uname().nodename == NAME == SYSTEM.node,
        "system": SYSTEM.release == os.uname().release,
    }
