import os
import tempfile

scratch = tempfile.TemporaryDirectory(prefix="bad-snapshot-")


def handler(event, context):
    return {"there": os.path.isdir(scratch.name), "name": scratch.name}
