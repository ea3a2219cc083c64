import os

from attacking import Innocent

FORGED = (
    "::set-output name=verdict::forged",
    "::add-mask::passed",
    "::stop-commands::for-good",
    "  ::error::forged",
    "##[error]forged",
    "text ##[set-env name=PATH]/evil",
    "text\r::error::forged\rmore",
    "\u2028::error::forged",
    "::add-path::/evil",
    "\x1b[2J\x1b]0;title\x07::error::forged",
)


def make():
    for descriptor in (1, 2):
        for line in FORGED:
            os.write(descriptor, line.encode() + b"\n")
        os.write(descriptor, b"::err")
        os.write(descriptor, b"or::in two pieces\r")
        os.write(descriptor, b"\n##")
        os.write(descriptor, b"[error]in two pieces")
    return Innocent()
