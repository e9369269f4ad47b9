import os
import selectors

reader, writer = os.pipe()
selector = selectors.DefaultSelector()
selector.register(reader, selectors.EVENT_READ)


def handler(event, context):
    os.write(writer, b"x")
    ready = selector.select(1)
    os.read(reader, 1)
    return {"ready": len(ready)}
