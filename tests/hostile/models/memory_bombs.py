import os
import time

import torch


def make():
    for _ in range(6):
        if os.fork() == 0:
            held = []
            try:
                while True:
                    held.append(torch.ones(16, 1024, 1024))
            except RuntimeError:
                time.sleep(1000)
    held = []
    while True:
        held.append(torch.ones(16, 1024, 1024))
