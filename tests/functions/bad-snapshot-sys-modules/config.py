import sys


class Config:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return f"lazy {name}"


sys.modules[__name__] = Config()
