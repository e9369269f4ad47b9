import os
import signal

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])


def handler(event, context):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    pending = []
    if signal.SIGUSR1 in blocked:
        os.kill(os.getpid(), signal.SIGUSR1)
        pending = [one.name for one in signal.sigpending()]
        signal.sigwait([signal.SIGUSR1])
    return {"blocked": [one.name for one in blocked], "pending": pending}
