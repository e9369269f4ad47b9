import logs


def handler(event, context):
    logs.log.warning("called")
    with open(logs.file.baseFilename) as file:
        return {"lines": len(file.readlines())}
