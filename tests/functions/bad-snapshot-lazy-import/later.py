VALUE = 3
runs = []
runs.append(1)


def count():
    return len(runs)
