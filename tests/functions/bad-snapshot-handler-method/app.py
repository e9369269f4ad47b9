class Work(str):
    def run(self, event, context):
        return {"name": self, "event": event}


handler = Work("method").run
