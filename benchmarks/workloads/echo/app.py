"""The event is the response; for {"measure": N}, what reading and writing N bytes takes here."""


def handler(event, context):
    if isinstance(event, dict) and "measure" in event:
        import inside

        return inside.measure(event["measure"])
    return event
