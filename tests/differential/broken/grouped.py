raise ExceptionGroup("init", [ValueError(1)])
