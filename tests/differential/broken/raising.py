def setup():
    raise RuntimeError("not today")


setup()
