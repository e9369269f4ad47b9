import json


def parse(text):
    return json.loads(text)["limit"]


LIMIT = int(parse('{"limit": "many"}'))
