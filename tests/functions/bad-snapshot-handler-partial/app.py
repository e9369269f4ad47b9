import functools


def work(name, event, context):
    return {"name": name, "event": event}


handler = functools.partial(work, "partial")
