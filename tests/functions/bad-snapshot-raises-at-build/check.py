import os

with open(os.path.join(os.path.dirname(__file__), "limit.txt")) as file:
    LIMIT = int(file.read())
