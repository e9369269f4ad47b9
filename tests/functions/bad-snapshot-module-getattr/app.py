made = 0
call = 0


def __getattr__(name):
    if name != "handler":
        raise AttributeError(name)
    global made
    made += 1

    def handler(event, context):
        global call
        call += 1
        return {"made": made, "call": call}

    return handler
