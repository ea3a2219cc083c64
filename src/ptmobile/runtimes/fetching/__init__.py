"""The library that an app ships, as a file: from the image, from a cache, from a Maven repository, or from the user."""

from ptmobile.runtimes.fetching.fetch import fetch_runtime, given_runtime
from ptmobile.runtimes.fetching.folders import Folders, folders_of
from ptmobile.runtimes.fetching.maven import JgoClient, MavenClient, NotServedError
from ptmobile.runtimes.fetching.model import (
    Coordinates,
    KeptCopy,
    LibraryFile,
    NotAvailable,
    RuntimeLibrary,
    TamperedError,
)

__all__ = [
    "Coordinates",
    "Folders",
    "JgoClient",
    "KeptCopy",
    "LibraryFile",
    "MavenClient",
    "NotAvailable",
    "NotServedError",
    "RuntimeLibrary",
    "TamperedError",
    "fetch_runtime",
    "folders_of",
    "given_runtime",
]
