import socket

flags = "default"
try:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/tmp/bad-snapshot.sock")
        flags = "new"
except OSError:
    pass
