"""Greenlets, a queue, a server."""

import gevent
from gevent import queue, socket
from gevent.server import StreamServer

EXPECTED = [[0, 1, 4], "HELLO", ["a", "b"], "timeout"]


def shout(client, address):
    client.sendall(client.recv(100).upper())


def use():
    jobs = [gevent.spawn(lambda n=n: (gevent.sleep(0.01), n * n)[1]) for n in range(3)]
    gevent.joinall(jobs, timeout=10)
    server = StreamServer(("127.0.0.1", 0), shout)
    server.start()
    with socket.create_connection(("127.0.0.1", server.server_port), 10) as client:
        client.sendall(b"hello")
        said = client.recv(100).decode()
    server.stop()
    items = queue.Queue()
    gevent.spawn(lambda: [items.put("a"), items.put("b")])
    got = [items.get(timeout=5), items.get(timeout=5)]
    try:
        with gevent.Timeout(0.01):
            gevent.sleep(5)
        last = "no timeout"
    except gevent.Timeout:
        last = "timeout"
    return [[job.value for job in jobs], said, got, last]
