import os
import signal
import time

seen = []


def note(number, frame):
    seen.append(signal.Signals(number).name)


signal.signal(signal.SIGUSR1, note)
signal.signal(signal.SIGTERM, note)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def handler(event, context):
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR2):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
    return {"seen": seen, "ignored": signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN}
