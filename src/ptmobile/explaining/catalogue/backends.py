"""Devices that are not there, and quantised models."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

BACKENDS: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="cuda-checkpoint",
        says="Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False",
        patterns=(r"Attempting to deserialize object on (?:a )?CUDA device",),
        stages=("load",),
        cause="The file was saved on a machine with a GPU, and is read on one without.",
        remedy="Read it with torch.load(path, map_location='cpu'), or name it in `weights`: ptmobile reads it so.",
        source=("torch/serialization.py",),
        example=(
            "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu')"
        ),
    ),
    KnownError(
        id="cuda-baked-in",
        says="Could not run 'aten::empty_strided' with arguments from the 'CUDA' backend",
        patterns=(
            r"with arguments from the '(?:CUDA|HIP|SparseCUDA|QuantizedCUDA)' backend",
            r"Torch not compiled with CUDA enabled",
            r"Found no NVIDIA driver",
            r"PyTorch not compiled with CUDA support",
        ),
        cause=(
            "The code, or a TorchScript file made on a GPU, asks for a tensor on the GPU; phones and this machine "
            "have none."
        ),
        remedy=(
            "Write x.device instead of 'cuda' and drop .cuda(); trace on the CPU (model.cpu()), since a trace "
            "keeps the device that it saw."
        ),
        source=("facebookresearch/playtorch#190", "pytorch/pytorch#71402", "pytorch/pytorch#122552"),
        example=(
            "NotImplementedError: Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' "
            "backend. This could be because the operator doesn't exist for this backend, or was omitted during "
            "the selective/custom build process"
        ),
    ),
    KnownError(
        id="devices-mixed",
        says="Expected all tensors to be on the same device, but found at least two devices",
        patterns=(
            r"Expected all tensors to be on the same device",
            r"module must have its parameters and buffers on device",
        ),
        cause=(
            "Some tensors of the model are on another device: made in forward for a fixed one, or kept in a plain list."
        ),
        remedy=(
            "Make them with device=x.device, and register them (register_buffer) so that they move with the model."
        ),
        source=("pytorch/vision#2762", "aten/src/ATen/TensorIterator.cpp"),
        example=(
            "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 "
            "and cpu!"
        ),
    ),
    KnownError(
        id="vulkan-missing",
        says="Could not run 'aten::empty.memory_format' with arguments from the 'Vulkan' backend",
        patterns=(
            r"with arguments from the '(?:Vulkan|Metal)' backend",
            r"PyTorch is not linked with support for (?:vulkan|metal) devices",
            r"Vulkan is not available on this system",
        ),
        cause="The library has no Vulkan or Metal support; no published package has.",
        remedy="Load the model for the CPU (Device.CPU), optimised for it; for a GPU build the library yourself.",
        source=("pytorch/pytorch#82065", "pytorch/pytorch#50723", "pytorch/android-demo-app#330"),
        example="RuntimeError: PyTorch is not linked with support for vulkan devices",
    ),
    KnownError(
        id="quantised-engine",
        says="Didn't find engine for operation quantized::linear_prepack NoQEngine",
        patterns=(
            r"Didn't find engine for (?:operation|when deserializing)",
            r"(?:^|Error: )Unknown qengine",
            r"quantized engine \w{1,20} is not supported",
        ),
        cause=(
            "A quantised model needs an engine that is not chosen or not built in: phones have QNNPACK, not FBGEMM."
        ),
        remedy=(
            "Quantise with get_default_qconfig('qnnpack') and set torch.backends.quantized.engine = 'qnnpack' in "
            "the factory; C++: setQEngine(at::QEngine::QNNPACK)."
        ),
        source=("pytorch/pytorch#28945", "pytorch/pytorch#29327", "pytorch/pytorch#70512"),
        example="RuntimeError: Didn't find engine for operation quantized::linear_prepack NoQEngine",
    ),
    KnownError(
        id="quantised-unsupported",
        says="quantized::linear_prepack_fp16 is currently not supported by QNNPACK",
        patterns=(r"is currently not supported by QNNPACK",),
        cause="QNNPACK, the engine of phones, has no kernel for this kind of quantisation.",
        remedy="Quantise to qint8 instead of float16, or leave that layer in float32.",
        source=("aten/src/ATen/native/quantized/cpu/qlinear_prepack.cpp",),
        example="RuntimeError: quantized::linear_prepack_fp16 is currently not supported by QNNPACK",
    ),
    KnownError(
        id="quantised-input",
        says="Could not run 'quantized::conv2d.new' with arguments from the 'CPU' backend",
        patterns=(r"Could not run 'quantized::(?P<name>[\w.]{1,60})' with arguments from the 'CPU' backend",),
        cause="A quantised layer got a float tensor: the model lacks QuantStub and DeQuantStub around it.",
        detail="The operator: {name}.",
        remedy=(
            "Put torch.ao.quantization.QuantStub before and DeQuantStub after the quantised part, and convert again."
        ),
        source=("torch/ao/quantization/stubs.py", "pytorch/pytorch#48551"),
        example=(
            "NotImplementedError: Could not run 'quantized::conv2d.new' with arguments from the 'CPU' backend. "
            "This could be because the operator doesn't exist for this backend"
        ),
    ),
    KnownError(
        id="quantised-operator-missing",
        says="Could not run 'aten::add.out' with arguments from the 'QuantizedCPU' backend",
        patterns=(r"Could not run '(?P<name>[\w:.]{1,60})' with arguments from the 'QuantizedCPU' backend",),
        cause="An operation gets a quantised tensor and has no kernel for one.",
        detail="The operator: {name}.",
        remedy=(
            "Use nn.quantized.FloatFunctional for +, * and cat, or dequantise (DeQuantStub) before that operation."
        ),
        source=("torch/ao/nn/quantized/modules/functional_modules.py",),
        example=(
            "NotImplementedError: Could not run 'aten::add.out' with arguments from the 'QuantizedCPU' backend. "
            "This could be because the operator doesn't exist for this backend"
        ),
    ),
    KnownError(
        id="quantised-boundary",
        says="Got unsupported ScalarType QUInt8",
        patterns=(r"Got unsupported ScalarType (?:QU?Int\d{1,2}|BFloat16|Half)", r"Input type \(c10::qu?int\d{1,2}\)"),
        cause="A quantised, or 16-bit, tensor meets code that takes ordinary ones only.",
        remedy="Call .dequantize() or .float() before it; at the end of the model as well, for the app.",
        source=("torch/csrc/utils/tensor_numpy.cpp",),
        example="TypeError: Got unsupported ScalarType QUInt8",
    ),
    KnownError(
        id="desktop-weights",
        says="Could not run 'prepacked::linear_clamp_prepack' with arguments from the 'MkldnnCPU' backend",
        patterns=(r"with arguments from the '(?:Mkldnn|OneDNN)\w{0,12}' backend",),
        cause=(
            "The weights are packed for oneDNN, a library of desktop CPUs, by torch.jit.optimize_for_inference or "
            "to_mkldnn."
        ),
        remedy="Leave that call out before optimize_for_mobile: phones have no oneDNN.",
        source=("pytorch/pytorch#86667", "torch/jit/_freeze.py"),
        example=(
            "RuntimeError: Could not run 'prepacked::linear_clamp_prepack' with arguments from the 'MkldnnCPU' backend."
        ),
    ),
    KnownError(
        id="backend-missing",
        says="Could not run 'aten::empty.memory_format' with arguments from the 'MPS' backend",
        patterns=(r"Could not run '(?P<name>[\w:.]{1,60})' with arguments from the '(?P<backend>\w{1,40})' backend",),
        cause="An operator has no kernel for this kind of tensor, in this build.",
        detail="It is {name}, the tensor is {backend}.",
        remedy="Bring the tensor to an ordinary one on the CPU before it: .cpu(), .to_dense(), .float().",
        source=("aten/src/ATen/core/dispatch/OperatorEntry.cpp",),
        example=(
            "NotImplementedError: Could not run 'aten::empty.memory_format' with arguments from the 'MPS' backend."
        ),
    ),
)
