import sys

import workers


def handler(event, context):
    return {"modules": sorted(sys.modules.keys() & {"app", "workers"})}
