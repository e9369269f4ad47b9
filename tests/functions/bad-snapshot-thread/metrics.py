import threading
import time

ticks = 0


def flush():
    global ticks
    while True:
        time.sleep(0.005)
        ticks += 1


thread = threading.Thread(target=flush, daemon=True)
thread.start()
