"""Attention, recurrent networks, normalisation."""

# ruff: noqa: UP006, UP035, UP045 - TorchScript of torch 1.13 reads these annotations, and no newer ones

from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from small_modules.entry import Family, real

WORDS = real(2, 5, 8)
QUERY = real(2, 3, 8)
IMAGE = real(2, 6, 5, 4)


class Own(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self, **options: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, **options)

    def forward(self, x: Tensor) -> Tuple[Tensor, Optional[Tensor]]:
        return self.attention(x, x, x)


class Weightless(Own):
    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class Masked(nn.Module):
    """Attention that leaves out padding, and what is still to come."""

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.causal = causal

    def forward(self, x: Tensor) -> Tensor:
        if self.causal:
            future = torch.triu(torch.ones(5, 5), 1) > 0
            return self.attention(x, x, x, attn_mask=future, need_weights=False)[0]
        padding = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]]) > 0
        return self.attention(x, x, x, key_padding_mask=padding, need_weights=False)[0]


class Cross(nn.Module):
    """Attention of one sequence to another."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.attention(x, y, y)[0]


class Plain(nn.Module):
    """Attention as people write it themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) / 8**0.5
        return scores.softmax(-1) @ v


class Linear(nn.Module):
    """Attention without softmax, by einsum."""

    def forward(self, x: Tensor) -> Tensor:
        memory = torch.einsum("bnd,bne->bde", [x.softmax(-1), x])
        return torch.einsum("bnd,bde->bne", [x.softmax(-1), memory])


class Relative(nn.Module):
    """A bias by relative position, from a table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(9, 2))
        positions = torch.arange(5)
        self.register_buffer("index", positions[:, None] - positions[None, :] + 4)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.table[self.index.view(-1)].view(5, 5, 2).permute(2, 0, 1)
        return (x @ x.transpose(1, 2)).unsqueeze(1) + bias


def _layer(**options: object) -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **options)


ATTENTION = Family("attention")
_add = ATTENTION.module
# Few of them scripted: torch takes many seconds to backport one.
_add("multi-head attention", Own, WORDS, how="both")
_add("multi-head attention without weights", Weightless, WORDS)
_add("multi-head attention, bias for keys", lambda: Own(add_bias_kv=True), WORDS)
_add("attention with padding", lambda: Masked(causal=False), WORDS)
_add("causal attention", lambda: Masked(causal=True), WORDS)
_add("attention to another sequence", Cross, QUERY, WORDS)
_add("scaled dot product by hand", Plain, WORDS, how="both")
_add("linear attention by einsum", Linear, WORDS, how="both")
_add("relative positions", Relative, WORDS, how="both")
_add("encoder layer", _layer, WORDS)
_add("encoder layer, GELU", lambda: _layer(activation="gelu"), WORDS, how="both")
_add("encoder layer, norm first", lambda: _layer(norm_first=True), WORDS)
_add("decoder layer", lambda: nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), QUERY, WORDS)
_add("encoder of two layers", lambda: nn.TransformerEncoder(_layer(), 2), WORDS)
_add("transformer", lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True), WORDS, QUERY)


class Packed(nn.Module):
    """An LSTM over sequences of different length."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 6, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


class Stepping(nn.Module):
    """A cell, called in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 6)
        c = torch.zeros(x.size(0), 6)
        outputs = []
        for step in range(x.size(1)):
            h, c = self.cell(x[:, step], (h, c))
            outputs.append(h)
        return torch.stack(outputs, 1)


class Given(nn.Module):
    """An LSTM with a state as input and output."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 6)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        return self.lstm(x, (h, c))


class Over(nn.Module):
    """A network over a sequence, with its outputs alone: torch's own have a forward for packed sequences besides."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)[0]


RECURRENT = Family("recurrent networks")
_add = RECURRENT.module
_add("LSTM", lambda: Over(nn.LSTM(8, 6)), WORDS, how="both")
_add("LSTM with its state", lambda: nn.LSTM(8, 6), WORDS)
_add("LSTM, two layers, both directions", lambda: Over(nn.LSTM(8, 6, 2, bidirectional=True)), WORDS, how="both")
_add("LSTM with projection", lambda: nn.LSTM(8, 6, proj_size=3), WORDS)
_add("LSTM with a given state", Given, WORDS, real(1, 5, 6), real(1, 5, 6) + 1, how="both")
_add("LSTM over packed sequences", Packed, WORDS, torch.tensor([3, 5]), how="both")
_add("GRU", lambda: Over(nn.GRU(8, 6)), WORDS, how="both")
_add("GRU, both directions", lambda: nn.GRU(8, 6, bidirectional=True, batch_first=True), WORDS)
_add("RNN", lambda: Over(nn.RNN(8, 6)), WORDS, how="both")
_add("RNN with relu", lambda: nn.RNN(8, 6, nonlinearity="relu"), WORDS)
_add("LSTM cell", lambda: nn.LSTMCell(8, 6), WORDS[0], how="both")
_add("GRU cell", lambda: nn.GRUCell(8, 6), WORDS[0], how="both")
_add("RNN cell", lambda: nn.RNNCell(8, 6), WORDS[0])
_add("LSTM cell in a loop", Stepping, WORDS, how="both")


class Root(nn.Module):
    """Normalisation by the root of the mean square."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


NORMALISATION = Family("normalisation")
_add = NORMALISATION.module
_add("batch norm 1d", lambda: nn.BatchNorm1d(5), WORDS)
_add("batch norm 2d", lambda: nn.BatchNorm2d(6), IMAGE, how="both")
_add("batch norm 2d, channels last", lambda: nn.BatchNorm2d(6), IMAGE.contiguous(memory_format=torch.channels_last))
_add("batch norm 3d", lambda: nn.BatchNorm3d(2), real(1, 2, 3, 4, 5))
_add("batch norm without statistics", lambda: nn.BatchNorm2d(6, track_running_stats=False), IMAGE)
_add("layer norm", lambda: nn.LayerNorm(8), WORDS, how="both")
_add("layer norm over two dimensions", lambda: nn.LayerNorm([5, 8], elementwise_affine=False), WORDS)
_add("group norm", lambda: nn.GroupNorm(3, 6), IMAGE, how="both")
_add("instance norm 1d", lambda: nn.InstanceNorm1d(5), WORDS)
_add("instance norm 2d", lambda: nn.InstanceNorm2d(6, affine=True), IMAGE, how="both")
_add("instance norm with statistics", lambda: nn.InstanceNorm2d(6, track_running_stats=True), IMAGE)
_add("local response norm", lambda: nn.LocalResponseNorm(3), IMAGE, how="both")
_add("root-mean-square norm", Root, WORDS, how="both")
_add("weight norm", lambda: nn.utils.weight_norm(nn.Linear(8, 4)), WORDS)
_add("spectral norm", lambda: nn.utils.spectral_norm(nn.Linear(8, 4)), WORDS)
_add("parametrised weight norm", lambda: nn.utils.parametrizations.orthogonal(nn.Linear(8, 4)), WORDS)
NORMALISATION.text("normalize", "F.normalize(x, dim=1)", WORDS, how="both")
NORMALISATION.text("renorm", "torch.renorm(x, 2.0, 0, 1.0)", WORDS)
NORMALISATION.module(
    "dropout", lambda: nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout()), IMAGE, how="both"
)
