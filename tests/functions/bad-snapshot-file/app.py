import rates


def handler(event, context):
    return {"first": rates.first, "next": rates.file.readline()}
