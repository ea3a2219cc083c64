"""Starting, watching, limiting and hearing the processes that run somebody's model code."""

from ptmobile.sandbox.parent import WorkerError
from ptmobile.sandbox.workers import Outcome, Task, Workers

__all__ = ["Outcome", "Task", "WorkerError", "Workers"]
