"""The phone's own library, run on plain Linux over stand-ins for Android's C library.

What is the app's own code: the shared libraries and Java classes of the AAR, unchanged but for symbol versions. What is
not: the C library, the Java VM, the CPU.
"""

from ptmobile.device.errors import CannotRunError, PrepareError

__all__ = ["CannotRunError", "PrepareError"]
