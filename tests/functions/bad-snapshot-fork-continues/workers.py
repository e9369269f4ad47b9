import os

child = os.fork()
