"""Fails while it is imported."""

raise RuntimeError("no configuration")


def handler(event, context):
    return None
