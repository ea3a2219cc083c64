"""A script without `if __name__ == "__main__"`."""

import sys

print("usage: train.py DATA")
sys.exit(2)
