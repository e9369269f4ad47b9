"""A user's package with a data file beside its code."""


def greeting(name):
    return f"Hi {name}"
