"""Linear algebra, einsum, distances, Fourier transforms, complex numbers."""

from __future__ import annotations

from torch import nn

from small_modules.entry import Family, real

SQUARE, TALL, BATCH = real(4, 4), real(5, 3), real(2, 3, 4)

LINEAR = Family("linear algebra")
LINEAR.module("linear", lambda: nn.Linear(4, 6), BATCH, how="both")
LINEAR.module("linear", lambda: nn.Linear(4, 6), SQUARE, optimised=True)
LINEAR.module("linear of one row", lambda: nn.Linear(4, 6), real(4))
LINEAR.module("bilinear", lambda: nn.Bilinear(4, 4, 3), SQUARE, real(4, 4) + 1)
LINEAR.texts(
    SQUARE,
    matmul="x @ x",
    mm="torch.mm(x, x)",
    addmm="torch.addmm(x, x, x, beta=0.5, alpha=2.0)",
    mv="torch.mv(x, x[0])",
    dot="torch.dot(x[0], x[1])",
    vdot="torch.vdot(x[0], x[1])",
    outer="torch.outer(x[0], x[1])",
    inner="torch.inner(x, x)",
    kron="torch.kron(x, x)",
    tensordot="torch.tensordot(x, x, dims=1)",
    matrix_power="torch.linalg.matrix_power(x, 3)",
    negative_matrix_power="torch.linalg.matrix_power(x, -1)",
    matrix_exponential="torch.matrix_exp(x)",
    multi_dot="torch.linalg.multi_dot([x, x, x])",
    chain_matmul="torch.chain_matmul(x, x, x)",
    trace="torch.trace(x)",
    tril="torch.tril(x, -1)",
    triu="torch.triu(x)",
    diag="torch.diag(x)",
    diag_embed="torch.diag_embed(x)",
    block_diag="torch.block_diag(x, x)",
    cross="torch.cross(x[:, :3], x[:, 1:], dim=1)",
    linalg_cross="torch.linalg.cross(x[:, :3], x[:, 1:])",
    vector_norm="torch.linalg.vector_norm(x, 3.0)",
    Frobenius_norm="torch.linalg.matrix_norm(x)",
    nuclear_norm="torch.linalg.matrix_norm(x, 'nuc')",
    spectral_norm="torch.linalg.norm(x, 2)",
    inverse="torch.inverse(x)",
    linalg_inv="torch.linalg.inv(x)",
    pseudoinverse="torch.linalg.pinv(x)",
    determinant="torch.det(x)",
    log_determinant="torch.slogdet(x)",
    svd="torch.linalg.svd(x)[1]",
    svdvals="torch.linalg.svdvals(x)",
    eigh="torch.linalg.eigh(x @ x.t())[0]",
    eigvals="torch.linalg.eigvals(x).abs().sort()[0]",
    qr="torch.linalg.qr(x)[1].abs()",
    cholesky="torch.linalg.cholesky(x @ x.t() + 4 * torch.eye(4))",
    old_cholesky="torch.cholesky(x @ x.t() + 4 * torch.eye(4))",
    LU_factors="torch.linalg.lu_factor(x)[0]",
    solve="torch.linalg.solve(x, x + 1)",
    least_squares="torch.linalg.lstsq(x, x + 1)[0]",
    triangular_solve="torch.linalg.solve_triangular(x + 5 * torch.eye(4), x, upper=True)",
    matrix_rank="torch.linalg.matrix_rank(x)",
    covariance="torch.cov(x)",
    correlation="torch.corrcoef(x)",
    Vandermonde="torch.vander(x[0])",
)
LINEAR.texts(BATCH, bmm="torch.bmm(x, x.transpose(1, 2))", baddbmm="torch.baddbmm(x[:, :, :3], x, x.transpose(1, 2))")
LINEAR.text("matmul with broadcasting", "torch.matmul(x, y)", BATCH, real(4, 5))
LINEAR.text("addmv", "torch.addmv(x[:, 0], x, y)", TALL, real(3))
LINEAR.text("addr", "torch.addr(x, x[:, 0], x[0])", TALL)

EINSUM = Family("einsum")
_MATRICES = (SQUARE, real(4, 5))
EINSUM.text("product", "torch.einsum('ij,jk->ik', x, y)", *_MATRICES)
EINSUM.text("product of a list", "torch.einsum('ij,jk->ik', [x, y])", *_MATRICES, how="both")
EINSUM.text("implied output", "torch.einsum('ij,jk', [x, y])", *_MATRICES, how="both")
EINSUM.text("attention scores", "torch.einsum('bqhd,bkhd->bhqk', [x, x])", real(2, 3, 2, 4), how="both")
EINSUM.text("outer product", "torch.einsum('i,j->ij', [x[0], y[0]])", *_MATRICES, how="both")
EINSUM.text("trace", "torch.einsum('ii->', [x])", SQUARE, how="both")
EINSUM.text("diagonal", "torch.einsum('ii->i', [x])", SQUARE, how="both")
EINSUM.text("transposition", "torch.einsum('ij->ji', [x])", SQUARE, how="both")
EINSUM.text("sum", "torch.einsum('ij->j', [x])", SQUARE, how="both")
EINSUM.text("three operands", "torch.einsum('bn,anm,bm->ba', [x, y, z])", real(2, 4), real(6, 4, 5), real(2, 5),
            how="both")  # fmt: skip
EINSUM.text("with ellipsis", "torch.einsum('...ij,...jk->...ik', [x, x])", real(2, 3, 3), how="both")
EINSUM.text("an equation as input", "torch.einsum(y, [x, x])", SQUARE, "ij,jk->ik",
            how="script", arguments="x, y: str")  # fmt: skip

DISTANCES = Family("distances")
DISTANCES.texts(
    TALL,
    cdist="torch.cdist(x, x + 1)",
    cdist_of_order_1="torch.cdist(x, x + 1, p=1.0)",
    pdist="torch.pdist(x)",
    cosine_similarity="F.cosine_similarity(x, x + 1, dim=1)",
    pairwise_distance="F.pairwise_distance(x, x + 1)",
    dist="torch.dist(x, x + 1)",
)

FFT = Family("Fourier transforms")
FFT.texts(
    real(2, 16),
    fft="torch.view_as_real(torch.fft.fft(x))",
    ifft="torch.fft.ifft(x).abs()",
    rfft="torch.fft.rfft(x).abs()",
    irfft="torch.fft.irfft(torch.fft.rfft(x), n=16)",
    hfft="torch.fft.hfft(x)",
    fft2="torch.fft.fft2(x).abs()",
    ifft2="torch.fft.ifft2(x).abs()",
    rfft2="torch.fft.rfft2(x).abs()",
    irfft2="torch.fft.irfft2(torch.fft.rfft2(x))",
    fftn="torch.fft.fftn(x).abs()",
    fftshift="torch.fft.fftshift(x)",
    fftfreq="torch.fft.fftfreq(16) + x",
    rfftfreq="torch.fft.rfftfreq(30) + x",
)
_SOUND = real(1, 64)
_STFT = "torch.stft(x, 16, 4, {}, return_complex={})"
FFT.text("stft without a window", _STFT.format("center=False", False), _SOUND)
FFT.text("stft without a window, centred", _STFT.format("center=True", False), _SOUND)
FFT.text("stft", _STFT.format("window=torch.hann_window(16)", False), _SOUND, how="both")
FFT.text("stft, not centred", _STFT.format("window=torch.hann_window(16), center=False", False), _SOUND, how="both")
FFT.text("stft, complex", f"torch.view_as_real({_STFT.format('window=torch.hann_window(16)', True)})", _SOUND)
FFT.text("stft, complex, magnitude", f"{_STFT.format('window=torch.hann_window(16)', True)}.abs()", _SOUND)
FFT.text("stft, normalised, short window",
         _STFT.format("win_length=12, window=torch.hann_window(12), normalized=True", False), _SOUND)  # fmt: skip
FFT.text("stft, two-sided", _STFT.format("window=torch.hann_window(16), onesided=False", False), _SOUND)
FFT.text("istft", f"torch.istft({_STFT.format('window=torch.hann_window(16)', True)}, 16, 4, "
         "window=torch.hann_window(16), length=64)", _SOUND)  # fmt: skip

COMPLEX = Family("complex numbers")
COMPLEX.texts(
    real(3, 4, 2),
    absolute="torch.view_as_complex(x).abs()",
    angle="torch.view_as_complex(x).angle()",
    real_part="torch.view_as_complex(x).real + 1",
    imaginary_part="torch.view_as_complex(x).imag + 1",
    product="torch.view_as_real(torch.view_as_complex(x) * torch.view_as_complex(x))",
    conjugate="torch.view_as_real(torch.conj(torch.view_as_complex(x)).resolve_conj())",
    conjugate_product="torch.view_as_real(torch.conj(torch.view_as_complex(x)) * torch.view_as_complex(x))",
    quotient="torch.view_as_real(torch.view_as_complex(x) / (1 + torch.view_as_complex(x)))",
    exponential="torch.view_as_real(torch.exp(torch.view_as_complex(x)))",
    matrix_product="torch.view_as_real(torch.view_as_complex(x) @ torch.view_as_complex(x).t())",
    sum="torch.view_as_real(torch.view_as_complex(x).sum(1))",
    polar="torch.view_as_real(torch.polar(x.abs(), x))",
    from_two_parts="torch.view_as_real(torch.complex(x, x + 1))",
    complex_output="torch.view_as_complex(x)",
    complex_exponential_of_an_angle="torch.view_as_real(torch.exp(1j * x))",
)
