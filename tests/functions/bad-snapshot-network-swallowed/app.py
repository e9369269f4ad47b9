import remote


def handler(event, context):
    return {"flags": remote.flags}
