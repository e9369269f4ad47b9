import mmap
import os

with open(os.path.join(os.path.dirname(__file__), "words.txt"), "rb") as file:
    words = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def handler(event, context):
    return {"found": words.find(b"needle")}
