import os

stderr = os.dup(2)


def handler(event, context):
    return {"same": os.fstat(stderr).st_ino == os.fstat(2).st_ino}
