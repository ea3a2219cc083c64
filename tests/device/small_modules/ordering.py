"""Sorting, searching, indexing, scattering."""

from __future__ import annotations

import torch
from torch import nn

from small_modules.entry import Family, real, whole

TABLE, ROW = real(4, 6), real(10)
ROWS = whole(4, 6, high=6)
INDEX = torch.tensor([2, 0, 3])

SORTING = Family("sorting")
SORTING.texts(
    TABLE,
    sort="torch.sort(x, dim=1)",
    sort_descending="torch.sort(x, dim=0, descending=True)",
    stable_sort="torch.sort(x, dim=1, stable=True)",
    argsort="torch.argsort(x, dim=1)",
    msort="torch.msort(x)",
    topk="torch.topk(x, 2, dim=1)",
    topk_of_the_smallest="torch.topk(x, 2, largest=False)",
    kthvalue="torch.kthvalue(x, 3)",
    median="torch.median(x)",
    median_of_rows="torch.median(x, dim=1)",
    nanmedian="torch.nanmedian(x)",
    quantile="torch.quantile(x, 0.3)",
    quantile_of_rows="torch.quantile(x, 0.3, dim=1)",
    quantiles="torch.quantile(x, torch.tensor([0.1, 0.6]), dim=1)",
    nanquantile="torch.nanquantile(x, 0.3)",
    cumulative_maximum="torch.cummax(x, 1)",
    cumulative_minimum="torch.cummin(x, 1)",
)
SORTING.text("sort", "torch.sort(x)", TABLE, how="script")
SORTING.text("argsort", "torch.argsort(x, dim=0, descending=True)", TABLE, how="script")
SORTING.text("topk", "torch.topk(x, k=3)", TABLE, how="script")
SORTING.texts(
    whole(12, high=4),
    mode="torch.mode(x)[0]",
    unique="torch.unique(x)",
    unique_with_counts="torch.unique(x, return_inverse=True, return_counts=True)",
    unique_rows="torch.unique(x.view(6, 2), dim=0)",
    unique_consecutive="torch.unique_consecutive(x)",
)

SEARCHING = Family("searching")
SEARCHING.texts(
    TABLE,
    argmax="torch.argmax(x)",
    argmax_of_rows="x.argmax(dim=1, keepdim=True)",
    argmin="torch.argmin(x, dim=0)",
    maximum_of_rows="torch.max(x, dim=1)",
    minimum_of_rows="torch.min(x, dim=1)",
    aminmax="torch.aminmax(x, dim=1)",
    nonzero="torch.nonzero(x > 0)",
    nonzero_as_tuple="torch.nonzero(x > 0, as_tuple=True)",
    argwhere="torch.argwhere(x > 0)",
    where_of_a_condition="torch.where(x > 0)",
    count_nonzero="torch.count_nonzero(x > 0)",
    histogram="torch.histc(x, bins=5, min=-2.0, max=2.0)",
    histogram_with_edges="torch.histogram(x, 5)",
    isin="torch.isin(x.long(), torch.tensor([0, 1])).long()",
)
SEARCHING.text("isin", "torch.isin(x, y).long()", whole(8), whole(3), how="script")
SEARCHING.text("bincount", "torch.bincount(x, minlength=12)", whole(20))
SEARCHING.text("weighted bincount", "torch.bincount(x, y)", whole(10), ROW)
_SORTED = ROW.sort()[0]
SEARCHING.text("bucketize", "torch.bucketize(y, x)", _SORTED, TABLE)
SEARCHING.text("searchsorted", "torch.searchsorted(x, y)", _SORTED, TABLE, how="both")
SEARCHING.text("searchsorted from the right", "torch.searchsorted(x, y, right=True)", _SORTED, TABLE, how="both")
SEARCHING.text("searchsorted in rows", "torch.searchsorted(x, y)", TABLE.sort()[0], TABLE, how="both")
SEARCHING.text("searchsorted of a number", "torch.searchsorted(x, 0.3)", _SORTED)

INDEXING = Family("indexing")
INDEXING.texts(
    TABLE,
    row="x[1]",
    last_element="x[-1, -1]",
    slices="x[1:3, ::2]",
    slice_from_the_end="x[:-1, -3:]",
    ellipsis_and_None="x[..., None, 1]",
    boolean_mask="x[x > 0]",
    list_of_rows="x[[2, 0]]",
    list_of_columns="x[:, [1, 1, 4]]",
    select="x.select(1, 2)",
    narrow="x.narrow(1, 2, 3)",
    diagonal="x.diagonal(1)",
    masked_select="torch.masked_select(x, x > 0)",
    masked_fill="x.masked_fill(x > 0, -1.5)",
    masked_scatter="x.masked_scatter(x > 0, x + 1)",
    assigned_rows="y = x.clone()\ny[1:3] = 0.5\nreturn y",
    assigned_mask="y = x.clone()\ny[y > 0] = -1.0\nreturn y",
    assigned_column="y = x.clone()\ny[:, 2] = x[:, 0]\nreturn y",
    roll="torch.roll(x, 2, 1)",
    roll_of_all="torch.roll(x, (1, 2), (0, 1))",
    flip="torch.flip(x, [0, 1])",
    fliplr="torch.fliplr(x)",
    rot90="torch.rot90(x)",
    tile="torch.tile(x, (2, 1))",
    take="torch.take(x, torch.tensor([0, 7, 3]))",
    diagonal_scatter="torch.diagonal_scatter(x, x[:, 0], 0)",
    select_scatter="torch.select_scatter(x, x[0] + 1, 0, 2)",
    slice_scatter="torch.slice_scatter(x, x[:2] + 1, 0, 1, 3, 1)",
)
INDEXING.texts(
    TABLE,
    INDEX,
    index_with_a_tensor="x[y]",
    index_with_two_tensors="x[y, y]",
    index_of_columns="x[:, y]",
    index_select="torch.index_select(x, 0, y)",
    index_fill="torch.index_fill(x, 0, y, 7.0)",
    index_copy="torch.index_copy(x, 0, y, x[:3] + 1)",
    index_add="torch.index_add(x, 0, y, x[:3])",
    index_add_with_factor="torch.index_add(x, 0, y, x[:3], alpha=0.5)",
    index_put="torch.index_put(x, [y], x[:3] + 1)",
    accumulating_index_put="torch.index_put(x, [torch.zeros_like(y)], x[:3], accumulate=True)",
    put="torch.put(x, y, x[0, :3])",
    assigned_by_a_tensor="z = x.clone()\nz[y] = 2.0\nreturn z",
)
INDEXING.text("boolean mask", "x[x > 0]", TABLE, how="script")
INDEXING.text("slices", "x[1:3, ::2]", TABLE, how="script")
INDEXING.text("assigned rows", "y = x.clone()\ny[1:3] = 0.5\nreturn y", TABLE, how="script")
INDEXING.texts(
    TABLE,
    how="both",
    repeat_interleave="torch.repeat_interleave(x, 3, dim=1)",
    repeat_interleave_of_all="torch.repeat_interleave(x, 2)",
    repeat_interleave_by_counts="torch.repeat_interleave(x, torch.tensor([1, 0, 2, 3]), dim=0)",
)
INDEXING.module("embedding", lambda: nn.Embedding(10, 4, padding_idx=0), whole(2, 5), how="both")
INDEXING.module("embedding with largest norm", lambda: nn.Embedding(10, 4, max_norm=1.0), whole(2, 5))
INDEXING.module("bag of embeddings, mean", lambda: nn.EmbeddingBag(10, 4), whole(2, 5))
INDEXING.module("bag of embeddings, sum", lambda: nn.EmbeddingBag(10, 4, mode="sum"), whole(8), torch.tensor([0, 3]))
INDEXING.module("bag of embeddings, maximum", lambda: nn.EmbeddingBag(10, 4, mode="max"), whole(2, 5))
INDEXING.text("one hot", "F.one_hot(x, 10)", whole(2, 5), how="both")

SCATTERING = Family("gather and scatter")
SCATTERING.texts(
    TABLE,
    ROWS[:3, :4] % 4,
    gather="torch.gather(x, 0, y)",
    take_along_dim="torch.take_along_dim(x, torch.argsort(x, 1), 1)",
    scatter="torch.scatter(x, 0, torch.argsort(x, 0), x + 1)",
    scatter_of_a_number="torch.scatter(x, 0, y, 3.0)",
    scatter_in_place="torch.zeros(4, 6).scatter_(0, y, 1.0)",
    scatter_adding="torch.scatter_add(x, 0, y, x)",
    scatter_with_reduction="torch.scatter(x, 0, y, x, reduce='add')",
    scatter_with_product="torch.scatter(x, 0, y, x, reduce='multiply')",
    scatter_reduce_sum="torch.scatter_reduce(x, 0, y, x, reduce='sum')",
    scatter_reduce_mean="torch.scatter_reduce(x, 0, y, x, reduce='mean')",
    scatter_reduce_maximum="torch.scatter_reduce(x, 0, y, x, reduce='amax', include_self=False)",
    index_reduce="torch.index_reduce(x, 0, y[:, 0], x[:3], reduce='prod')",
)
SCATTERING.text("gather", "torch.gather(x, 1, y)", TABLE, ROWS, how="script")
SCATTERING.text("scatter adding", "x.scatter_add(1, y, x)", TABLE, ROWS, how="script")
SCATTERING.text("segment sums by scatter", "torch.zeros(3, 6).index_add_(0, y, x)", TABLE, whole(4, high=3), how="both")
