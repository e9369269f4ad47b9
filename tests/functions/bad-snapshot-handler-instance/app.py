class Work:
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def __call__(self, event, context):
        return {"name": self.name, "event": event}


handler = Work("instance")
