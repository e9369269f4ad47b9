import os

ready = False
while not ready:
    ready = os.path.exists(os.path.join(os.path.dirname(__file__), "ready"))
