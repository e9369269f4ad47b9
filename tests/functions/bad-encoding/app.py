"""Latin-1 text, saved without saying so."""

NAME = "café"


def handler(event, context):
    return NAME
