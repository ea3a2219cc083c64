"""Prints what a workflow runner would take for commands, while it is imported, built and run."""

import sys

import torch

COMMANDS = (
    "::error file=app.js,line=1::printed by the model",
    "::add-mask::a",
    "::set-output name=verdict::passed",
    "::stop-commands::model",
    "##[error]printed by the model",
    "  ::warning::indented",
)


def shout():
    for line in COMMANDS:
        print(line)
        print(line, file=sys.stderr)


shout()


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        shout()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.say()
        return x + 1

    @torch.jit.unused
    def say(self) -> None:
        shout()
