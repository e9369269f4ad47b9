import signal
import time

ticks = 0


def tick(number, frame):
    global ticks
    ticks += 1


signal.signal(signal.SIGALRM, tick)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)


def handler(event, context):
    before = ticks
    time.sleep(0.1)
    return {"ticks": ticks > before}
