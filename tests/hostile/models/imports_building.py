import building
from attacking import Innocent


def make():
    print("\n".join(building.TRIED))
    return Innocent()
