"""Handlers that show what they were given."""


def handler(event, context):
    return event


def described(event, context):
    return {"type": type(event).__name__, "repr": repr(event)}


def request(event, context):
    return {"id": context.aws_request_id, "event": event}


def arity(event):
    return event


not_callable = 42


class Service:
    """Callables that are no functions are handlers, too."""

    def __call__(self, event, context):
        return {"service": event}

    def method(self, event, context):
        return {"method": event}


instance = Service()
method = Service().method
