raise KeyError("key")
