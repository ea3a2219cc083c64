import socket

from attacking import Innocent, attempt


def ask(path):
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(path)
        engine.sendall(b"GET /containers/json HTTP/1.0\r\n\r\n")
        return engine.recv(100)


def make():
    for path in ("/var/run/docker.sock", "/run/docker.sock"):
        attempt(path, lambda path=path: ask(path))
    return Innocent()
