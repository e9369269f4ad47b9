import os
import sys

FOLDER = os.path.join(os.path.dirname(__file__), "plugins")
sys.path.insert(0, FOLDER)


def handler(event, context):
    import late

    return {"first": sys.path[0] == FOLDER, "late": late.VALUE}
