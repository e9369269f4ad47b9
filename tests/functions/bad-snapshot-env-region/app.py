import place


def handler(event, context):
    return {"region": place.REGION, "name": place.NAME}
