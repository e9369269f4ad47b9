raise OSError(2, "nothing here")
