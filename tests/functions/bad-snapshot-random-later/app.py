import random

VALUES = []


class Own(random.Random):
    """Made when first used."""


def handler(event, context):
    if not VALUES:
        VALUES.extend([random.random(), Own().random()])
    return {"value": VALUES[0], "own": VALUES[1]}
