def a()
    pass
