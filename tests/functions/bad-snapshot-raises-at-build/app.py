import check


def handler(event, context):
    return {"limit": check.LIMIT}
