"""Resampling and padding."""

from __future__ import annotations

import torch
from torch import nn

from small_modules.entry import Family, real

IMAGE, VOLUME, ROW = real(1, 4, 6, 5), real(1, 2, 4, 5, 6), real(2, 4, 9)
GRID = torch.stack(torch.meshgrid(torch.linspace(-1.1, 1.1, 4), torch.linspace(-0.9, 1, 3), indexing="ij"), -1)[None]

RESAMPLING = Family("resampling")
_add = RESAMPLING.text
_add("nearest", "F.interpolate(x, scale_factor=2.0)", IMAGE, how="both")
_add("nearest to a size", "F.interpolate(x, size=[9, 7])", IMAGE, how="both")
_add("nearest, exact", "F.interpolate(x, size=[9, 7], mode='nearest-exact')", IMAGE, how="both")
_add("nearest 1d", "F.interpolate(x, size=5)", ROW)
_add("nearest 3d", "F.interpolate(x, scale_factor=2.0)", VOLUME)
_add("linear", "F.interpolate(x, size=5, mode='linear')", ROW)
_add("bilinear", "F.interpolate(x, size=[9, 7], mode='bilinear')", IMAGE, how="both")
_add("bilinear, aligned corners", "F.interpolate(x, size=[9, 7], mode='bilinear', align_corners=True)", IMAGE)
_add("bilinear by a factor", "F.interpolate(x, scale_factor=1.5, mode='bilinear')", IMAGE, how="both")
_add("bilinear by a recomputed factor",
     "F.interpolate(x, scale_factor=0.7, mode='bilinear', recompute_scale_factor=True)", IMAGE)  # fmt: skip
_add("bilinear to another tensor's size", "F.interpolate(x, size=y.shape[-2:], mode='bilinear')", IMAGE,
     real(1, 1, 8, 9), how="both")  # fmt: skip
_add("bilinear, channels last", "F.interpolate(x, size=[9, 7], mode='bilinear')",
     IMAGE.contiguous(memory_format=torch.channels_last))  # fmt: skip
_add("bilinear, antialiased", "F.interpolate(x, size=[3, 2], mode='bilinear', antialias=True)", IMAGE)
_add("bicubic", "F.interpolate(x, size=[9, 7], mode='bicubic')", IMAGE, how="both")
_add("bicubic, antialiased", "F.interpolate(x, size=[3, 2], mode='bicubic', antialias=True)", IMAGE)
_add("trilinear", "F.interpolate(x, size=[6, 7, 8], mode='trilinear')", VOLUME)
_add("area", "F.interpolate(x, size=[3, 2], mode='area')", IMAGE)
_add("pixel shuffle", "F.pixel_shuffle(x, 2)", IMAGE, how="both")
_add("pixel unshuffle", "F.pixel_unshuffle(x, 2)", real(1, 2, 6, 4))
_add("channel shuffle", "F.channel_shuffle(x, 2)", IMAGE)
_add("grid sample", "F.grid_sample(x, y, align_corners=False)", IMAGE, GRID, how="both")
_add("grid sample, nearest, border", "F.grid_sample(x, y, 'nearest', 'border', False)", IMAGE, GRID)
_add("grid sample, bicubic, reflection", "F.grid_sample(x, y, 'bicubic', 'reflection', True)", IMAGE, GRID)
_add("grid sample of volumes", "F.grid_sample(x, y, align_corners=False)", VOLUME, real(1, 2, 3, 4, 3))
_add("affine grid", "F.affine_grid(x, [1, 1, 4, 5], align_corners=False)", real(1, 2, 3), how="both")
RESAMPLING.module("upsampling layer", lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE, how="both")
RESAMPLING.module("upsampling layer, nearest", lambda: nn.UpsamplingNearest2d(scale_factor=2), IMAGE)

PADDING = Family("padding")
_AMOUNTS = {"1d": ([1, 2], ROW), "2d": ([1, 2, 2, 1], IMAGE), "3d": ([1, 1, 2, 1, 1, 2], VOLUME)}
for _mode in ("constant", "reflect", "replicate", "circular"):
    for _kind, (_amounts, _input) in _AMOUNTS.items():
        _text = f"F.pad(x, {_amounts}, mode={_mode!r})"
        PADDING.text(f"{_mode} {_kind}", _text, _input, how="both" if _kind != "3d" else "trace")
PADDING.text("constant with a value", "F.pad(x, [1, 2], value=1.5)", ROW, how="both")
PADDING.text("cropping", "F.pad(x, [-1, 2, 1, -2])", IMAGE, how="both")
PADDING.text("constant_pad_nd itself", "torch.constant_pad_nd(x, [1, 2], 0.5)", ROW)
PADDING.text("of integers", "F.pad(x.long(), [1, 2])", ROW)
PADDING.text("by amounts of the input", "F.pad(x, [0, 12 - x.size(-1)])", ROW, how="both")
PADDING.module("zero layer", lambda: nn.ZeroPad2d(2), IMAGE)
PADDING.module("constant layer", lambda: nn.ConstantPad1d(2, 0.5), ROW, how="both")
PADDING.module("reflecting layer", lambda: nn.ReflectionPad2d(2), IMAGE, how="both")
PADDING.module("replicating layer", lambda: nn.ReplicationPad1d(2), ROW)
