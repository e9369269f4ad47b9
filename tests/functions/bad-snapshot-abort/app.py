import check


def handler(event, context):
    return event
