import decimal

import settings


def handler(event, context):
    return {"stage": settings.STAGE}
