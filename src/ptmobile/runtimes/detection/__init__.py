"""Which PyTorch Mobile runtime the apps in a workspace declare, found in their build files without running a build."""

from ptmobile.runtimes.detection.finding import find_declared_runtimes
from ptmobile.runtimes.detection.model import Certainty, DeclaredRuntime, Detection, Role

__all__ = ["Certainty", "DeclaredRuntime", "Detection", "Role", "find_declared_runtimes"]
