import json
import logging
import sys

import shadows
import torch
from attacking import Innocent


def make():
    for module in (json, logging, torch):
        if hasattr(module, "HIJACKED"):
            print("BREACH:", module)
    if "hijacked" in sys.modules:
        print("BREACH: it ran by being there")
    print("innocent import", shadows.VALUE)
    return Innocent()
