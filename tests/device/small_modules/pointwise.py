"""Activations, losses, arithmetic element by element."""

from __future__ import annotations

import torch
from torch import nn

from small_modules.entry import Family, positive, real, whole

TABLE = real(3, 8)
SIGNS = torch.tensor([-7.5, -2.0, -0.4, 0.0, 0.3, 2.0, 7.5, float("inf"), float("nan")])

ACTIVATIONS = Family("activations")
ACTIVATIONS.text("GELU", "F.gelu(x)", TABLE, how="both")
ACTIVATIONS.text("GELU by tanh", "F.gelu(x, approximate='tanh')", TABLE, how="both")
ACTIVATIONS.module("GELU layer", nn.GELU, TABLE, how="both")
for _layer in (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.PReLU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh,
    nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.Softplus, nn.Softsign,
    nn.LogSigmoid, nn.GLU, nn.RReLU,
):  # fmt: skip
    ACTIVATIONS.module(_layer.__name__, _layer, TABLE)
ACTIVATIONS.module("Threshold", lambda: nn.Threshold(0.1, 5.0), TABLE)
ACTIVATIONS.text("softmax", "F.softmax(x, dim=1)", TABLE, how="both")
ACTIVATIONS.text("log softmax", "F.log_softmax(x, dim=1)", TABLE)
ACTIVATIONS.text("softmin", "F.softmin(x, dim=1)", TABLE)
ACTIVATIONS.text("relu in place", "F.relu_(x * 2)", TABLE, how="both")
ACTIVATIONS.text("swish by hand", "x * torch.sigmoid(x)", TABLE)
ACTIVATIONS.text("GELU by erf, by hand", "x * 0.5 * (1.0 + torch.erf(x / 1.4142135))", TABLE)
for _name in ("SiLU", "Hardswish", "Mish", "PReLU"):
    ACTIVATIONS.module(_name, getattr(nn, _name), TABLE, how="script")

LOSSES = Family("losses")
LOSSES.texts(
    TABLE,
    positive(3, 8),
    mean_square="F.mse_loss(x, y)",
    absolute="F.l1_loss(x, y, reduction='sum')",
    smooth_absolute="F.smooth_l1_loss(x, y, beta=0.5)",
    Huber="F.huber_loss(x, y)",
    binary_cross_entropy="F.binary_cross_entropy(torch.sigmoid(x), torch.sigmoid(y))",
    binary_cross_entropy_of_logits="F.binary_cross_entropy_with_logits(x, torch.sigmoid(y))",
    divergence="F.kl_div(F.log_softmax(x, 1), F.softmax(y, 1), reduction='batchmean')",
    cross_entropy_of_probabilities="F.cross_entropy(x, F.softmax(y, 1))",
    cosine_embedding="F.cosine_embedding_loss(x, y, torch.tensor([1.0, -1.0, 1.0]))",
    margin_ranking="F.margin_ranking_loss(x, y, torch.sign(x))",
    hinge_embedding="F.hinge_embedding_loss(x, torch.sign(y - 0.5))",
    triplet="F.triplet_margin_loss(x, y, x + y)",
    soft_margin="F.soft_margin_loss(x, torch.sign(y - 0.5))",
    many_labels="F.multilabel_soft_margin_loss(x, (y > 0.5).float())",
    Gaussian="F.gaussian_nll_loss(x, y, y * y + 0.1)",
    Poisson="F.poisson_nll_loss(x, y.abs())",
)
_CLASSES = whole(3, high=8)
LOSSES.text("cross entropy", "F.cross_entropy(x, y)", TABLE, _CLASSES, how="both")
LOSSES.text("smoothed cross entropy", "F.cross_entropy(x, y, label_smoothing=0.1)", TABLE, _CLASSES)
LOSSES.text("negative log likelihood", "F.nll_loss(F.log_softmax(x, 1), y)", TABLE, _CLASSES)
LOSSES.text("multiple margins", "F.multi_margin_loss(x, y)", TABLE, _CLASSES)
LOSSES.text("connectionist", "F.ctc_loss(F.log_softmax(x, 2), y, torch.tensor([6, 6]), torch.tensor([2, 2]))",
            real(6, 2, 5), whole(2, 2, low=1, high=5))  # fmt: skip

ARITHMETIC = Family("arithmetic")
ARITHMETIC.texts(
    TABLE,
    sum_and_difference="x + 2 * x - 0.5",
    reversed_difference="1 - x",
    quotient="x / (x + 3)",
    quotient_of_a_number="1 / (x.abs() + 1)",
    power="x ** 2",
    power_of_a_number="2 ** x",
    root="(x.abs() + 1).sqrt()",
    reciprocal_root="torch.rsqrt(x.abs() + 1)",
    reciprocal="torch.reciprocal(x + 9)",
    square="torch.square(x)",
    exponentials="torch.stack([x.exp(), torch.exp2(x), torch.expm1(x)])",
    logarithms="torch.stack([torch.log(x.abs()), torch.log2(x.abs()), torch.log10(x.abs()), torch.log1p(x.abs())])",
    circular="torch.stack([x.sin(), x.cos(), x.tan(), torch.atan(x)])",
    inverse_circular="torch.stack([torch.asin(x / 9), torch.acos(x / 9), torch.atan2(x, x + 1)])",
    hyperbolic="torch.stack([torch.sinh(x), torch.cosh(x), torch.tanh(x), torch.asinh(x)])",
    error_functions="torch.stack([torch.erf(x), torch.erfc(x), torch.erfinv(x / 9)])",
    gamma_functions="torch.stack([torch.lgamma(x.abs() + 1), torch.digamma(x.abs() + 1)])",
    mvlgamma="torch.mvlgamma(x.abs() + 2, 2)",
    polygamma="torch.polygamma(2, x.abs() + 1)",
    Bessel_i0="torch.i0(x)",
    special_i0e="torch.special.i0e(x)",
    special_i1="torch.special.i1(x)",
    special_ndtr="torch.special.ndtr(x)",
    special_ndtri="torch.special.ndtri(torch.sigmoid(x))",
    special_log_ndtr="torch.special.log_ndtr(x)",
    special_entr="torch.special.entr(x.abs())",
    special_erfcx="torch.special.erfcx(x)",
    special_zeta="torch.special.zeta(x.abs() + 2, 1.5)",
    special_xlog1py="torch.special.xlog1py(x, x.abs())",
    special_expit="torch.special.expit(x)",
    special_log_softmax="torch.special.log_softmax(x, 1)",
    special_round="torch.special.round(x)",
    sinc="torch.sinc(x)",
    logit="torch.logit(torch.sigmoid(x))",
    logit_with_margin="torch.logit(x, eps=0.1)",
    logaddexp="torch.logaddexp(x, x + 1)",
    logaddexp2="torch.logaddexp2(x, x + 1)",
    xlogy="torch.xlogy(x, x.abs() + 1)",
    hypot="torch.hypot(x, x + 1)",
    copysign="torch.copysign(x, -x)",
    signs="torch.stack([torch.sign(x), torch.sgn(x)])",
    lerp="torch.lerp(x, x + 1, 0.3)",
    lerp_by_weights="torch.lerp(x, x + 1, torch.sigmoid(x))",
    addcmul="torch.addcmul(x, x, x, value=0.5)",
    addcdiv="torch.addcdiv(x, x, x.abs() + 1, value=0.5)",
    fmod="torch.fmod(x, 0.7)",
    remainder="torch.remainder(x, 0.7)",
    remainder_of_tensors="torch.remainder(x, x.flip(0) + 9)",
    remainder_of_a_number="torch.remainder(2.5, x + 9)",
    division_to_the_floor="torch.div(x, 0.3, rounding_mode='floor')",
    truncating_division="torch.div(x, x.flip(0), rounding_mode='trunc')",
    clamp="torch.clamp(x, -0.5, 0.5)",
    clamp_from_below="x.clamp(min=0.1)",
    clamp_by_tensors="torch.clamp(x, -x.abs() / 2, x.abs() / 2)",
    minimum_and_maximum="torch.minimum(x, -x) + torch.maximum(x, x * 2)",
    fmin_and_fmax="torch.fmin(x, -x) + torch.fmax(x, x * 2)",
    absolute_value="torch.abs(x) + x.abs()",
    negation="-x + torch.positive(x)",
    heaviside="torch.heaviside(x, torch.tensor(0.5))",
    ldexp="torch.ldexp(x, torch.tensor([2]))",
    frexp="torch.frexp(x)",
    nextafter="torch.nextafter(x, x + 1)",
    degrees="torch.rad2deg(x) + torch.deg2rad(x)",
    float_power="torch.float_power(x.abs(), 1.5)",
    differences="torch.diff(x, dim=1)",
    differences_with_prefix="torch.diff(x, n=2, prepend=x[:, :1])",
    gradient="torch.gradient(x)",
    trapezoid="torch.trapezoid(x, dim=1)",
    cumulative_trapezoid="torch.cumulative_trapezoid(x, dim=1)",
    changed_in_place="x.mul_(2).add_(1).clamp_(min=0)",
    where="torch.where(x > 0, x, x * 2)",
    where_with_a_number="torch.where(x > 0, x, 0.5)",
    where_of_two_numbers="torch.where(x > 0, 1.0, 0.5)",
    where_of_two_types="torch.where(x > 0, x, x.double())",
)
ARITHMETIC.texts(
    TABLE,
    how="both",
    floor_division="torch.floor_divide(x, 0.3)",
    floor_division_of_tensors="x // (x.abs() + 0.1)",
    rounding="torch.stack([torch.round(x), torch.floor(x), torch.ceil(x), torch.trunc(x), torch.frac(x)])",
    rounding_to_decimals="torch.round(x, decimals=2)",
)
ARITHMETIC.texts(
    SIGNS,
    nan_to_num="torch.nan_to_num(x)",
    nan_to_given="torch.nan_to_num(x, nan=1.0, posinf=2.0)",
    classes="torch.stack([torch.isnan(x), torch.isinf(x), torch.isfinite(x), torch.signbit(x)]).long()",
    close="torch.isclose(x, x + 1e-7, equal_nan=True).long()",
)

ARITHMETIC.text("equal", "torch.equal(x, x)", SIGNS, how="script")
ARITHMETIC.text("allclose", "torch.allclose(x, x * 2)", SIGNS, how="script")

INTEGERS = Family("integers and flags")
INTEGERS.texts(
    whole(4, 5, low=-9, high=9),
    whole(4, 5, low=1, high=6),
    arithmetic="x * y - 3",
    true_division="x / y",
    floor_division="x // y",
    floor_division_by_a_number="x // 3",
    truncating_division="torch.div(x, y, rounding_mode='trunc')",
    remainder="x % y",
    fmod="torch.fmod(x, y)",
    power="x ** 2",
    power_of_tensors="y ** y",
    and_or_xor="torch.stack([x & y, x | y, x ^ y])",
    inverted="~x",
    shifts="torch.stack([x << 1, x >> 1])",
    shifts_by_tensors="torch.bitwise_left_shift(x, y)",
    gcd_and_lcm="torch.gcd(x, y) + torch.lcm(x, y)",
    comparisons="torch.stack([x < y, x <= y, x == y, x != y, x > y, x >= y]).long()",
    logical="torch.logical_and(x > 0, y > 2).long() + torch.logical_xor(x > 0, y > 2).long()",
    not_and_or="(~(x > 0) | (y > 2)).long()",
    sum_of_flags="(x > 0).sum(1)",
    mean_of_flags="(x > 0).float().mean()",
    cumulative_sum_of_flags="(x > 0).cumsum(1)",
    clamp="x.clamp(-2, 2)",
    maximum="torch.maximum(x, y)",
    absolute="x.abs() - x.sign()",
    product="x.prod(1)",
    mixed_with_floats="x * 0.5",
    any_and_all="torch.stack([(x > 8).any(), (x > -99).all(), (x == 0).any(1).any()]).long()",
)
INTEGERS.texts(
    whole(4, 5, high=256, dtype=torch.uint8),
    bytes_to_floats="x.float() / 255",
    bytes_that_wrap="x + 100",
    bytes_product="x * 2",
)
INTEGERS.text("int32", "x * x", whole(5, dtype=torch.int32))
INTEGERS.text("int8", "x // 2", whole(5, dtype=torch.int8))
INTEGERS.text("sum of int32", "x.sum()", whole(5, dtype=torch.int32))
INTEGERS.text("product of two types", "x * y", whole(5, dtype=torch.int32), whole(5))

DTYPES = Family("data types")
DTYPES.texts(
    TABLE,
    to_float64="x.double() * 2",
    to_integers="(x * 10).long()",
    to_int32="(x * 10).to(torch.int32)",
    to_int8="(x * 10).to(torch.int8)",
    to_bytes="(x.abs() * 10).to(torch.uint8)",
    through_half="x.half().float()",
    half_arithmetic="(x.half() + x.half()).float()",
    through_bfloat16="x.bfloat16().float()",
    bfloat16_arithmetic="(x.bfloat16() * 2).float()",
    through_int16="(x * 10).short().float()",
    type_as="(x * 3).long().type_as(x)",
    to_another="x.to(torch.zeros(1, dtype=torch.float64))",
    result_type="x + torch.ones(8, dtype=torch.float64)",
    half_output="x.half()",
    bfloat16_output="x.bfloat16()",
    int16_output="(x * 10).short()",
    flags_output="x > 0",
    viewed_as_integers="x.view(torch.int32)",
)
DTYPES.text("float64 all the way", "torch.softmax(x @ x.t(), 1)", TABLE.double())
DTYPES.text("positive numbers as integers", "x.long().float()", positive(3) * 9)
