import identity


def handler(event, context):
    return {"value": identity.VALUE}
