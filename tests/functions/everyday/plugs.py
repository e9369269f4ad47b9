from importlib.metadata import entry_points, version


def names():
    points = entry_points(group="everyday.plugs")
    return [version("plugged"), [(each.name, each.load().__name__) for each in points]]
