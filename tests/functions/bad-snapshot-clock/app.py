import time

import uptime


def handler(event, context):
    return {"recent": 0 <= time.time() - uptime.STARTED < 60, "started": uptime.STARTED}
