import wait


def handler(event, context):
    return {"ready": wait.ready}
