VALUE = "of the function"
