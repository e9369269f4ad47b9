try:
    import ujson as json

    fast = True
except ImportError:
    import json

    fast = False


def handler(event, context):
    assert json.dumps(1) == "1"
    return {"fast": fast}
