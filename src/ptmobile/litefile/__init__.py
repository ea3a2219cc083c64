"""Reading and rewriting `.ptl` files as plain data, without torch.

A `.ptl` is made by somebody's model code, so nothing in it is trusted: no pickle is executed, every size is bounded,
and whatever does not look like a file PyTorch writes is refused by name.
"""

from ptmobile.litefile.model import LiteFile, LiteFileError, Section
from ptmobile.litefile.reading import read_lite_file
from ptmobile.litefile.repack import StrippedFile, is_debug_record, strip_records

__all__ = [
    "LiteFile",
    "LiteFileError",
    "Section",
    "StrippedFile",
    "is_debug_record",
    "read_lite_file",
    "strip_records",
]
