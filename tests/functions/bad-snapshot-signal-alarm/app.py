import signal

signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.alarm(600)


def handler(event, context):
    left = signal.alarm(600)
    return {"left": 500 < left <= 600}
