import statsd


def handler(event, context):
    sent = statsd.out.sendto(b"hi 1", statsd.inbox.getsockname())
    return {"sent": sent, "received": statsd.inbox.recv(100).decode()}
