import os

LINE = b"all work and no play " * 200 + b"\n"


def make():
    while True:
        os.write(1, LINE * 10)
        os.write(2, b"x" * 40000)
