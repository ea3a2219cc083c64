"""Where the container starts.

Python and not a shell script: dash, Debian's /bin/sh, drops environment variables whose names hold a dash, such as
INPUT_MODEL-ARGS.
"""

from ptmobile.action import main
from ptmobile.sandbox.container import shut

shut()
raise SystemExit(main())
