"""A handler two packages down."""


def handler(event, context):
    return __name__


def fails(event, context):
    raise LookupError("deep down")
