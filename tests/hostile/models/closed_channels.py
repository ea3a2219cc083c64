import os

from attacking import Innocent


def make():
    os.closerange(0, 1000)
    return Innocent()
