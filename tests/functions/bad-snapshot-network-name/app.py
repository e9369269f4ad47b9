import socket

try:
    address = socket.getaddrinfo("localhost", 80, socket.AF_INET)[0][4][0]
except OSError:
    address = None


def handler(event, context):
    return {"address": address}
