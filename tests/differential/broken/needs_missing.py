import no_such_dependency


def handler(event, context):
    pass
