"""Sockets inside the process, and keys of libsodium."""

import threading

import zmq

EXPECTED = [["1", "2", "3"], 40, "EAGAIN"]


def use():
    with zmq.Context() as context:
        pull = context.socket(zmq.PULL)
        port = pull.bind_to_random_port("tcp://127.0.0.1")

        def send():
            with context.socket(zmq.PUSH) as push:
                push.connect(f"tcp://127.0.0.1:{port}")
                for text in ("1", "2", "3"):
                    push.send_string(text)

        thread = threading.Thread(target=send)
        thread.start()
        got = [pull.recv_string() for _ in range(3)]
        thread.join()
        try:
            pull.recv(zmq.NOBLOCK)
            last = "more"
        except zmq.Again as error:
            last = zmq.Errno(error.errno).name
        pull.close()
    return [got, len(zmq.curve_keypair()[0]), last]
