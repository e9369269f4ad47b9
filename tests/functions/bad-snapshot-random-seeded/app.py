import random

generator = random.Random(42)
first = [generator.randint(1, 10) for _ in range(5)]
state = generator.getstate()


def handler(event, context):
    generator.setstate(state)
    return {"first": first, "next": [generator.randint(1, 10) for _ in range(5)]}
