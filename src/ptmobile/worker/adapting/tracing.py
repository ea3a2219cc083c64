"""Tracing a model whose output the tracer does not take: its tensors are traced, and put together again around that."""

from __future__ import annotations

import torch

from ptmobile.errors import ConvertError
from ptmobile.worker.adapting.forms import Form, expression
from ptmobile.worker.adapting.wrapping import source_of, wrapped
from ptmobile.worker.values.trees import Tree, take_apart


class TensorsOnly(torch.nn.Module):
    """A model that gives the tensors of its output as a flat tuple; ``paths`` says which, once it has run.

    Sizes are tensors while a model is traced, so that the file computes them too.
    """

    def __init__(self, model: torch.nn.Module, expected: Tree) -> None:
        super().__init__()
        self.model = model
        self.paths: tuple[str, ...] = ()
        self._expected = expected

    def forward(self, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the model and take its output apart.

        Raises:
            ConvertError: it is put together otherwise than what the eager model returned.
        """
        tree = take_apart(self.model(*arguments))
        if tree.containers != self._expected.containers or list(tree.leaves) != list(self._expected.leaves):
            raise ConvertError(
                "While it is traced, the model returns something that is put together otherwise than in an eager run.",
                advice="Let forward return the same containers in every run, or use method script.",
            )
        self.paths = tuple(tree.tensors())
        return tuple(tree.tensors().values())


def put_together(
    traced: torch.jit.ScriptModule, form: Form, paths: tuple[str, ...], arguments: int
) -> torch.jit.ScriptModule:
    """What was traced of :class:`TensorsOnly`, in a module that returns the form."""
    names = {path: f"t{number}" for number, path in enumerate(paths)}
    given = [f"input{number}" for number in range(arguments)]
    unpacked = f"{', '.join(names.values())}{',' if len(names) == 1 else ''} = self.model({', '.join(given)})"
    return wrapped(traced, source_of(given, [unpacked], expression(form, names)))
