import version


def handler(event, context):
    return {"said": version.said}
