"""Making tensors, viewing and joining them, reducing them."""

from __future__ import annotations

import torch
from torch import nn

from small_modules.entry import Family, real

TABLE, BLOCK = real(4, 6), real(2, 3, 4)

CREATION = Family("creation")
CREATION.texts(
    TABLE,
    zeros_and_ones="torch.zeros(2, 3) + torch.ones(3) + x.sum()",
    full="torch.full((2, 3), 1.5) + x.sum()",
    full_of_integers="torch.full([x.size(0), 2], 7)",
    like="torch.zeros_like(x) + torch.ones_like(x) + torch.full_like(x, 2.0)",
    new="x.new_zeros((2, 2)) + x.new_full((2, 2), 3.0)",
    new_ones="x.new_ones([2, 3])",
    new_tensor="x.new_tensor([1.0, 2.0])",
    empty_and_filled="torch.empty(2, 3).fill_(4.0) + x.sum()",
    arange="torch.arange(6) + x",
    arange_with_step="torch.arange(0, 3, 0.5) + x",
    arange_of_a_size="torch.arange(x.size(1))",
    eye="torch.eye(6) @ x.t()",
    tensor_of_numbers="torch.tensor([1.0, 2.0, 3.0]) * x[0, 0]",
    scalar_tensor="torch.scalar_tensor(2.0) * x",
    triangle_of_indices="torch.tril_indices(3, 3) + torch.triu_indices(3, 3)",
    hann_window="torch.hann_window(6) * x",
    hamming_window="torch.hamming_window(6) * x",
    Blackman_window="torch.blackman_window(6) * x",
    Bartlett_window="torch.bartlett_window(6) * x",
    Kaiser_window="torch.kaiser_window(6) * x",
    cartesian_product="torch.cartesian_prod(x[0], x[1])",
    combinations="torch.combinations(x[0])",
    ranges_by_cumsum="torch.ones_like(x).cumsum(1)",
)
CREATION.texts(
    TABLE,
    how="both",
    linspace="torch.linspace(0, 1, 6) + x",
    linspace_of_a_size="torch.linspace(-1, 1, x.size(1)) + x",
    logspace="torch.logspace(0, 1, 6) + x",
)
CREATION.texts(
    real(3),
    real(4),
    how="both",
    meshgrid="torch.stack(torch.meshgrid(x, y))",
    meshgrid_ij="torch.stack(torch.meshgrid(x, y, indexing='ij'))",
    meshgrid_xy="torch.stack(torch.meshgrid(x, y, indexing='xy'))",
)
CREATION.text("zeros", "torch.zeros(x.size(0), 3) + torch.zeros_like(x)[:, :3]", TABLE, how="script")
CREATION.text("tensor of given numbers", "torch.tensor([1.0, float(x.size(0))])", TABLE, how="script")

VIEWS = Family("views and joins")
VIEWS.texts(
    BLOCK,
    view="x.view(6, 4)",
    reshape="x.reshape(-1, 2)",
    flatten="x.flatten(1)",
    ravel="torch.ravel(x)",
    permute="x.permute(2, 0, 1)",
    transpose="x.transpose(0, 2) + 1",
    movedim="torch.movedim(x, 0, 2)",
    swapaxes="torch.swapaxes(x, 0, 1)",
    matrix_transpose="x.mT",
    adjoint="x.mH",
    transposed="x[0].T + x[0].t()",
    squeeze="x.unsqueeze(1).squeeze(1)",
    squeeze_of_all="x[:, :1].squeeze()",
    expand="x[:, :1].expand(-1, 5, -1)",
    broadcast="torch.broadcast_to(x[0, 0], (3, 4))",
    broadcast_of_two="torch.broadcast_tensors(x, x[0])",
    repeat="x.repeat(1, 2, 1)",
    chunk="x.chunk(2, 2)",
    split="x.split(2, 2)",
    split_by_sizes="x.split([1, 3], 2)",
    tensor_split="torch.tensor_split(x, 3, 2)",
    tensor_split_at="torch.tensor_split(x, [1, 2], 2)",
    horizontal_split="torch.hsplit(x, [1])",
    unbind="x.unbind(1)",
    stack="torch.stack([x, x + 1], 1)",
    concatenate="torch.cat([x, x + 1], 2)",
    concat="torch.concat([x, x + 1], 0)",
    stacks="torch.hstack([x, x]).sum() + torch.vstack([x, x]).sum() + torch.dstack([x, x]).sum()",
    column_stack="torch.column_stack([x, x])",
    windows="x.unfold(2, 2, 1)",
    as_strided="torch.as_strided(x, (2, 2), (1, 2))",
    at_least_2d="torch.atleast_2d(x[0, 0]) + torch.atleast_3d(x)[:1, :1]",
    contiguous="x.transpose(1, 2).contiguous().view(-1)",
    view_as="x.view_as(x.reshape(2, 3, 4) + 1)",
    size_as_values="x.view(x.size(0) * x.size(1), -1)",
    clone_and_detach="x.clone().detach() + 1",
    moved="x.cpu() + x.to('cpu')",
)
VIEWS.texts(
    BLOCK,
    how="script",
    chunk="torch.stack(torch.chunk(x, 2, dim=2))",
    split="torch.stack(torch.split(x, 2, dim=2))",
    split_by_sizes="torch.cat(torch.split(x, [1, 3], dim=2), 2)",
    unbind="torch.stack(torch.unbind(x, dim=1))",
    stack="torch.stack([x, x + 1], 1)",
    concatenate="torch.cat([x, x + 1], 2)",
    view="x.view(x.size(0), -1)",
    permute="x.permute(2, 0, 1)",
    matrix_transpose="x.mT",
    expand="x[:, :1].expand(-1, 5, -1)",
)
VIEWS.text("unpacked chunks", "a, b = torch.chunk(x, 2, dim=2)\nreturn a * b", BLOCK, how="both")
VIEWS.text("unpacked split", "a, b = torch.split(x, 2, dim=2)\nreturn a * b", BLOCK, how="both")
VIEWS.text("unflatten", "torch.unflatten(x, 1, [2, 3])", TABLE, how="both")
VIEWS.text("unflatten with a size left open", "torch.unflatten(x, -1, [2, -1])", TABLE, how="both")
VIEWS.module("unflattening layer", lambda: nn.Unflatten(1, (2, 3)), TABLE, how="both")
VIEWS.module("flattening layer", nn.Flatten, BLOCK, how="both")

REDUCTIONS = Family("reductions")
REDUCTIONS.texts(
    TABLE,
    sum="x.sum()",
    sum_of_rows="x.sum(1, keepdim=True)",
    sum_over_two_dimensions="x.view(2, 2, 6).sum([0, 2])",
    sum_as_float64="x.sum(dtype=torch.float64)",
    mean="x.mean()",
    mean_of_rows="x.mean(dim=1)",
    product="x.prod()",
    product_of_rows="x.prod(1)",
    standard_deviation="x.std()",
    deviation_of_rows="x.std(1, unbiased=False)",
    deviation_with_correction="torch.std(x, dim=1, correction=2)",
    variance="x.var(1)",
    biased_variance="torch.var(x, unbiased=False)",
    deviation_and_mean="torch.std_mean(x, 1)",
    variance_and_mean="torch.var_mean(x, 1, unbiased=False)",
    maximum="x.max()",
    minimum="x.min()",
    amax="torch.amax(x, 1)",
    amin="torch.amin(x, (0, 1))",
    logsumexp="torch.logsumexp(x, 1)",
    norm="torch.norm(x)",
    norm_of_rows="torch.norm(x, 1.0, 1)",
    nansum="torch.nansum(x, 1)",
    nanmean="torch.nanmean(x, 1)",
    cumulative_sum="x.cumsum(1)",
    cumulative_product="x.cumprod(1)",
    cumulative_logsumexp="torch.logcumsumexp(x, 1)",
    all="(x > -99).all(1).long()",
    any="(x > 1).any(1).long()",
    sum_of_many="torch.sum(torch.stack([x, x + 1]), 0)",
    entropy="-(x.softmax(1) * x.log_softmax(1)).sum(1)",
    number_of_elements="torch.tensor(x.numel()) + x.sum()",
)
REDUCTIONS.texts(
    TABLE,
    how="script",
    sum_of_rows="torch.sum(x, dim=1)",
    mean_of_rows="torch.mean(x, dim=[1], keepdim=True)",
    maximum_of_rows="torch.max(x, 1)[0]",
    deviation="torch.std(x, dim=1)",
    item="float(x.sum())",
)
_NAN = torch.where(TABLE > 1, torch.tensor(float("nan")), TABLE)
REDUCTIONS.text("nansum of what has NaN", "torch.nansum(x, 1)", _NAN)
REDUCTIONS.text("maximum of what has NaN", "x.max(dim=1)[0]", _NAN)
