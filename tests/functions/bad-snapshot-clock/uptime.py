import time

STARTED = time.time()
