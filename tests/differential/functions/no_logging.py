"""A function that does not import logging by itself."""


def handler(event, context):
    context.log("without logging\n")
    return "logging"


def late(event, context):
    import logging

    logging.warning("imported late")
    return [type(h).__name__ for h in logging.getLogger().handlers]
