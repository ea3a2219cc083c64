"""Which operators can be expressed by others, by what, and in which words that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ptmobile.worker.lowering.einsum import einsum_text
from ptmobile.worker.lowering.ellipsis import einsum_with_ellipsis
from ptmobile.worker.lowering.graphs import Known, known, specialised
from ptmobile.worker.lowering.library import OF_NUMBERS, compiled, expression


@dataclass(frozen=True)
class Rewrite:
    """An operator's name for people, what takes its place, and the name of that in the library."""

    what: str
    by: str
    expression: str


@dataclass(frozen=True)
class Refusal:
    """Why a call, other than others of the same operator, cannot be expressed."""

    why: str


def _plain(operator: str, function: str) -> Rewrite:
    return Rewrite(operator.removeprefix("aten::").removeprefix("prim::"), "arithmetic or a loop", function)


_PAD: Final = "the padding operator of each mode"
_SEARCH: Final = "bucketize, or comparisons"
_FFT: Final = "matrix products and butterflies"
_TYPED: Final = "the same, given a type"
_FLAG: Final = "False, which it is wherever the file runs"

REWRITES: dict[str, Rewrite] = {
    "aten::gelu": Rewrite("GELU", "erf or tanh", "gelu"),
    "aten::gelu_": Rewrite("GELU (in place)", "erf or tanh", "gelu_"),
    "aten::pad": Rewrite("pad", _PAD, "pad"),
    "aten::_pad_circular": Rewrite("circular pad", "slices and cat", "circular"),
    "aten::reflection_pad3d": Rewrite("reflection pad of volumes", "reflection_pad2d, twice", "reflection_pad3d"),
    "aten::meshgrid.indexing": Rewrite("meshgrid with indexing", "meshgrid and transpose", "meshgrid"),
    "aten::einsum": Rewrite("einsum", "permute, reshape and matmul", ""),
    "aten::unflatten.int": Rewrite("unflatten", "view", "unflatten"),
    "aten::split.sizes": Rewrite("split by sizes", "split_with_sizes", "split_sizes"),
    "aten::searchsorted.Tensor": Rewrite("searchsorted", _SEARCH, "searchsorted"),
    "aten::searchsorted.Scalar": Rewrite("searchsorted", _SEARCH, "searchsorted_number"),
    "aten::isin.Tensor_Tensor": Rewrite("isin", "comparisons", "isin"),
    "aten::lift": Rewrite("lift", "nothing", "same"),
    "aten::lift_fresh": Rewrite("lift_fresh", "nothing", "same"),
    "aten::resolve_conj": Rewrite("resolve_conj", "nothing", "same"),
    "aten::resolve_neg": Rewrite("resolve_neg", "nothing", "same"),
    "aten::mT": Rewrite("mT", "transpose", "transposed"),
    "aten::mH": Rewrite("mH", "transpose and conj", "adjoint"),
    "aten::matrix_H": Rewrite("H", "transpose and conj", "adjoint"),
    "aten::adjoint": Rewrite("adjoint", "transpose and conj", "adjoint"),
    "aten::new_ones": Rewrite("new_ones", "new_full", "new_ones"),
    "aten::argwhere": Rewrite("argwhere", "nonzero", "argwhere"),
    "aten::repeat_interleave.self_int": Rewrite("repeat_interleave", "expand and reshape", "repeat_interleave"),
    "aten::repeat_interleave.self_Tensor": Rewrite("repeat_interleave", "index_select", "repeat_interleave_by"),
    "aten::repeat_interleave.Tensor": Rewrite("repeat_interleave", "cumsum and bucketize", "repeated_indices"),
    "aten::_native_multi_head_attention": Rewrite("fused attention", "linear, matmul and softmax", "attention"),
    "aten::_transformer_encoder_layer_fwd": Rewrite(
        "fused transformer encoder layer", "linear, matmul, softmax and layer_norm", "encoder_layer"
    ),
    "aten::floor_divide": Rewrite("floor_divide", "div with rounding", "floor_divide"),
    "aten::floor_divide_.Tensor": Rewrite("floor_divide (in place)", "div with rounding", "floor_divide_"),
    "aten::floor_divide.Scalar": Rewrite("floor_divide", "div with rounding", "floor_divide_number"),
    "aten::floor_divide_.Scalar": Rewrite("floor_divide (in place)", "div with rounding", "floor_divide_number_"),
    "aten::where.self": Rewrite("where", "where on tensors brought to one type", "where"),
    "aten::where.ScalarSelf": Rewrite("where", "where on tensors brought to one type", "where_number"),
    "aten::where.ScalarOther": Rewrite("where", "where on tensors brought to one type", "where_else_number"),
    "aten::linspace": Rewrite("linspace", "arange", "linspace"),
    "aten::round.decimals": Rewrite("round to decimals", "round", "round_decimals"),
    "aten::remainder.Scalar_Tensor": Rewrite("remainder of a number", "remainder of tensors", "remainder_of_number"),
    "aten::index_add": Rewrite("index_add", "index_put", "index_add"),
    "aten::index_add_": Rewrite("index_add (in place)", "index_put", "index_add_"),
    "aten::scatter.reduce": Rewrite("scatter with reduction", "the operator that works in place", "scatter_reduce"),
    "aten::aminmax": Rewrite("aminmax", "amin and amax", "aminmax"),
    "aten::nansum": Rewrite("nansum", "where and sum", "nansum"),
    "aten::cov": Rewrite("cov", "matmul", "cov"),
    "aten::conj": Rewrite("conj", "conj_physical", "conjugate"),
    "aten::_conj": Rewrite("conj", "conj_physical", "conjugate"),
    "aten::linalg_cross": Rewrite("linalg.cross", "cross", "linalg_cross"),
    "aten::nanmean": Rewrite("nanmean", "where and sum", "nanmean"),
    "aten::scatter_reduce.two": Rewrite("scatter_reduce (sum, mean)", "scatter_add", "scatter_sum"),
    "aten::quantile": Rewrite("quantile", "sort and index_select", "quantile"),
    "aten::quantile.scalar": Rewrite("quantile", "sort and index_select", "quantile_of_number"),
    "aten::stft": Rewrite("short-time Fourier transform", _FFT, "stft"),
    "aten::istft": Rewrite("inverse short-time Fourier transform", f"{_FFT}, and col2im", "istft"),
    "aten::is_autocast_enabled": Rewrite("is_autocast_enabled", _FLAG, "no_autocast"),
    "prim::requires_grad": Rewrite("requires_grad", _FLAG, "never"),
    "prim::is_nested": Rewrite("is_nested", _FLAG, "never"),
    "torchvision::nms": Rewrite("torchvision::nms", "sort and a loop of comparisons", "nms"),
    "torchvision::roi_align": Rewrite("torchvision::roi_align", "index_select and weighted sums", "roi_align"),
} | {
    operator: _plain(operator, function)
    for operator, function in {
        "aten::sum.int": "sum_of_ints",
        "aten::sum.float": "sum_of_floats",
        "aten::sum.bool": "sum_of_bools",
        "aten::all.bool": "all_of",
        "aten::all.int": "all_of_ints",
        "aten::any.bool": "any_of",
        "aten::any.int": "any_of_ints",
        "prim::abs.int": "abs_of_int",
        "prim::abs.float": "abs_of_float",
        "aten::isnan.float": "isnan",
        "prim::rangelist": "indices_up_to",
        "aten::isinf.float": "isinf",
        "aten::isfinite.float": "isfinite",
        "aten::fabs.float": "abs_of_number",
        "aten::atan2.float": "atan2",
        "aten::divmod.int": "divmod_of_ints",
        "aten::__and__.int": "and_of_ints",
        "aten::__or__.int": "or_of_ints",
        "aten::__xor__.int": "xor_of_ints",
        "aten::__lshift__.int": "shifted_left",
        "aten::__rshift__.int": "shifted_right",
        "aten::count.int": "count_of_ints",
        "aten::index.list_int": "index_in_ints",
        "aten::remove.int": "remove_int",
        "aten::sort.int": "sort_ints",
        "aten::sort.float": "sort_floats",
        "aten::sort.str": "sort_texts",
        "aten::sorted.int": "sorted_ints",
        "aten::sorted.float": "sorted_floats",
        **{f"aten::{name}.{kind}": f"{name}_of_{kind}" for name in OF_NUMBERS for kind in ("int", "float")},
    }.items()
}
REWRITES |= {
    f"aten::fft_{name}": Rewrite("Fourier transform", _FFT, name)
    for name in ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
}
REWRITES |= {
    f"aten::{operator}": Rewrite(operator.partition(".")[0], _TYPED, expression)
    for operator, expression in {
        "hann_window": "hann_window",
        "hann_window.periodic": "hann_window_periodic",
        "hamming_window": "hamming_window",
        "hamming_window.periodic": "hamming_window_periodic",
        "hamming_window.periodic_alpha": "hamming_window_alpha",
        "hamming_window.periodic_alpha_beta": "hamming_window_of",
        "bartlett_window": "bartlett_window",
        "bartlett_window.periodic": "bartlett_window_periodic",
        "blackman_window": "blackman_window",
        "blackman_window.periodic": "blackman_window_periodic",
        "kaiser_window": "kaiser_window",
        "kaiser_window.periodic": "kaiser_window_periodic",
        "kaiser_window.beta": "kaiser_window_of",
    }.items()
}
REWRITES |= {
    f"aten::_upsample_{name}": Rewrite(what, by, expression)
    for what, by, expressions in (
        (
            "interpolation, nearest-exact",
            "index_select",
            {
                "nearest_exact1d": "nearest_exact_1d",
                "nearest_exact2d": "nearest_exact_2d",
                "nearest_exact3d": "nearest_exact_3d",
                "nearest_exact1d.vec": "nearest_exact",
                "nearest_exact2d.vec": "nearest_exact",
                "nearest_exact3d.vec": "nearest_exact",
            },
        ),
        (
            "interpolation, antialiased",
            "matrix products",
            {
                "bilinear2d_aa": "bilinear_aa",
                "bilinear2d_aa.vec": "bilinear_aa_vec",
                "bicubic2d_aa": "bicubic_aa",
                "bicubic2d_aa.vec": "bicubic_aa_vec",
            },
        ),
    )
    for name, expression in expressions.items()
}


def expressed(operator: str, node: Any) -> Any:
    """The graph to be put in the place of a call, or a ``Refusal``."""
    values = list(node.inputs())
    if operator == "aten::einsum":
        return _einsum(values)
    if operator == "aten::scatter_reduce.two" and (known(values[4]) or Known("?")).value not in ("sum", "mean"):
        return Refusal("only sums and means can be expressed")
    name = REWRITES[operator].expression
    if name == "attention" and len({value.unique() for value in values[:3]}) == 1:
        name = "self_attention"
    return specialised(expression(name), values)


def _einsum(values: list[Any]) -> Any:
    equation, path = known(values[0]), known(values[2])
    if equation is None:
        return Refusal("its equation is not a constant")
    write = einsum_with_ellipsis if "..." in equation.value else einsum_text
    text = write(equation.value, path.value if path else None)
    if text is None:
        return Refusal(f"its equation {equation.value!r} is not understood")
    return specialised(compiled(text).einsum.inlined_graph, values)
