import time

DEADLINE = time.monotonic() + 900


def handler(event, context):
    return {"left": 800 < DEADLINE - time.monotonic() <= 900}
