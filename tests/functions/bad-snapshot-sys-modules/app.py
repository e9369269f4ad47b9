import sys

import config
import once

del sys.modules["once"]


def handler(event, context):
    import config as again

    return {
        "value": config.name,
        "kind": type(config).__name__,
        "again": again is config,
        "gone": "once" in sys.modules,
    }
