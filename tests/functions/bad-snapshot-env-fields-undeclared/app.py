import settings


def handler(event, context):
    return settings.settings.model_dump()
