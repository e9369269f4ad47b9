VALUE = "hidden"
