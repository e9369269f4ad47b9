try:
    import fast
except:  # noqa: E722 - that is the point
    fast = None


def handler(event, context):
    return {"fast": fast is not None}
