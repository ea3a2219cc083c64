"""Models that do not fit what is asked of them."""

import torch
from torch import Tensor, nn


class Recursive(nn.Module):
    def forward(self, x):
        return self.forward(x)


class OutOfMemory(nn.Module):
    def forward(self, x):
        raise MemoryError


class Unprintable(nn.Module):
    def forward(self, x):
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        raise Odd


class HalfCharacter(nn.Module):
    def forward(self, x):
        raise ValueError("cannot open caf\udce9.bin")


class LongText(nn.Module):
    def forward(self, x):
        raise ValueError("a long story " * 100_000)


class Markup(nn.Module):
    def forward(self, x):
        raise ValueError("</details>| a | b |\n\n# Title\n\n<script>alert(1)</script> @everyone ```")


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, ids: Tensor, x: Tensor) -> Tensor:
        return self.head(self.table(ids) + x)


def takes_an_argument(classes):
    return nn.Linear(4, classes)


class LongKey(nn.Module):
    def forward(self, x):
        return {"k" * 400: x}


class Sparse(nn.Module):
    def forward(self, x):
        return x.to_sparse()


class Half(nn.Module):
    """Sixteen bits: the optimised model cannot run."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3).to(torch.bfloat16)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


class InsideWith(nn.Module):
    """A `with` that neither road leaves out."""

    def __init__(self):
        super().__init__()
        self.names = {"a": 1}

    def forward(self, x: Tensor):
        with torch.no_grad():
            return {"y": x * 2, "n": torch.tensor(1)}
