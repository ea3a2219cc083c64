"""What the action's container does before anything else: it shuts what no worker has any business with."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

#: The runner mounts the engine's socket into every container action; on some machines anybody may speak to it.
DOCKER_SOCKET: Final = Path("/var/run/docker.sock")


def shut(socket: Path = DOCKER_SOCKET) -> None:
    """Close the folder of the engine's socket to everybody but root.

    Not the socket, which is the machine's and not ours: its folder is the container's own. Connecting to a socket is
    nothing that Landlock knows. Where the container's root cannot be written, all stays as it is.
    """
    with contextlib.suppress(OSError):
        socket.parent.resolve().chmod(0o700)
