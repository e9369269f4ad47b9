import socket

out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inbox.bind(("127.0.0.1", 0))
