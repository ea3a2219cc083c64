"""Start of a worker: ``python -m ptmobile.worker DESCRIPTOR``, where the descriptor is that of the control socket."""

import sys

from ptmobile.worker.zygote import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
