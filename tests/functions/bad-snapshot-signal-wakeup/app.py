import os
import signal
import time

reader, writer = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(writer)
signal.signal(signal.SIGUSR1, lambda number, frame: None)


def handler(event, context):
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.01)
    return {"byte": os.read(reader, 1)[0]}
