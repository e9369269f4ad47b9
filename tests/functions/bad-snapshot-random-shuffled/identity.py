import random


def shuffled():
    values = list(range(60))
    # the line that draws
    random.shuffle(values)
    return str(values)


VALUE = shuffled()
