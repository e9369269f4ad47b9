import mmap
import os

shared = mmap.mmap(-1, 8192)
shared[:9] = b"at import"


def handler(event, context):
    child = os.fork()
    if child == 0:
        shared[8191] += 1
        os._exit(0)
    os.waitpid(child, 0)
    return {"text": shared[:9].decode(), "child": shared[8191]}
