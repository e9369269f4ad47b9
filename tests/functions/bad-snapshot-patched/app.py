import builtins
import json
import os
import time

printed = []
builtins.print = lambda *values, **options: printed.append(values[0])
real_time, time.time = time.time, lambda: 12345.0
real_dumps, json.dumps = json.dumps, lambda value, **options: f"<{value}>"
real_open = builtins.open
os.environ.patched = "1"


def opened(*arguments, **options):
    return "patched" if arguments[0] == "x" else real_open(*arguments, **options)


builtins.open = opened


def handler(event, context):
    printed.clear()
    print("hi")
    return {
        "printed": printed,
        "frozen": time.time(),
        "dumped": json.dumps(1),
        "opened": open("x"),
        "environ": os.environ.patched,
    }
