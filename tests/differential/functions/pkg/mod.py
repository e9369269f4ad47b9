"""A handler in a package."""

from . import inner


def handler(event, context):
    return [__name__, inner.__name__]
