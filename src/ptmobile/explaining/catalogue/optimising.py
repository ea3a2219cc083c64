"""What freezing and optimize_for_mobile refuse, and what a copied script meets in newer torch."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

OPTIMISING: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="xnnpack-missing",
        says="Mobile optimization only available with XNNPACK at the moment. XNNPACK is not enabled",
        patterns=(r"XNNPACK is not enabled", r"Mobile optimization only available with XNNPACK"),
        stages=("optimised",),
        cause="This torch is built without XNNPACK; the official wheels have been since 2.13.",
        remedy=(
            "Convert with torch 2.12.1 or older (ptmobile's image has 1.13.1 with XNNPACK), or set `optimize: false`."
        ),
        source=("pytorch/pytorch#189532", "pytorch/pytorch#185297", "torch/csrc/jit/passes/xnnpack_rewrite.cpp"),
        example=(
            'RuntimeError: false INTERNAL ASSERT FAILED at "torch/csrc/jit/passes/xnnpack_rewrite.cpp":506, '
            "please report a bug to PyTorch. Mobile optimization only available with XNNPACK at the moment. "
            "XNNPACK is not enabled. Please build with USE_XNNPACK=1"
        ),
    ),
    KnownError(
        id="optimise-string-padding",
        says="We don't have an op for prepacked::conv2d_clamp_prepack but it isn't a special case",
        patterns=(r"We don't have an op for prepacked::conv",),
        stages=("optimised",),
        cause="A scripted convolution has padding='same' or 'valid', which the prepacking pass cannot read.",
        remedy=(
            "Give numbers (padding=1), or use `method: trace`, which resolves it, or leave that pass out: "
            "`optimize-blocklist: INSERT_FOLD_PREPACK_OPS`."
        ),
        source=("pytorch/pytorch#65490", "torch/csrc/jit/ir/alias_analysis.cpp"),
        example=(
            'RuntimeError: 0 INTERNAL ASSERT FAILED at "./torch/csrc/jit/ir/alias_analysis.cpp":608, please '
            "report a bug to PyTorch. We don't have an op for prepacked::conv2d_clamp_prepack but it isn't a "
            "special case. Argument types: Tensor, Tensor, int[], str, int[], int, NoneType, NoneType,"
        ),
    ),
    KnownError(
        id="optimise-gpu-backend",
        says="We don't have an op for vulkan_prepack::create_conv2d_context",
        patterns=(
            r"We don't have an op for (?:vulkan|metal)_prepack",
            r"Unknown backend, must be one of 'CPU', 'Vulkan' or 'Metal'",
            r"(?:Vulkan|Metal) backend was not linked to the build",
        ),
        stages=("optimised",),
        cause="Optimising for Vulkan or Metal needs a torch built with that backend; no published package is.",
        remedy="Optimise for the CPU (the default). For a GPU build torch and the app's library yourself.",
        source=("pytorch/pytorch#82065", "pytorch/pytorch#84831", "torch/utils/mobile_optimizer.py"),
        example=(
            'RuntimeError: 0 INTERNAL ASSERT FAILED at "./torch/csrc/jit/ir/alias_analysis.cpp":608, please '
            "report a bug to PyTorch. We don't have an op for vulkan_prepack::create_conv2d_context but it isn't "
            "a special case."
        ),
    ),
    KnownError(
        id="optimise-not-scripted",
        says="Got <class ...>, but ScriptModule is expected",
        patterns=(r"but ScriptModule is expected", r"^(?:\w{1,20}: )?Only ScriptModule is supported"),
        stages=("optimised", "saved"),
        cause="A Python module was given where TorchScript is needed.",
        remedy="Call torch.jit.trace or torch.jit.script first; `ptmobile convert` does all of it.",
        source=("torch/utils/mobile_optimizer.py", "torch/utils/bundled_inputs.py"),
        example="TypeError: Got <class 'torch.nn.modules.linear.Linear'>, but ScriptModule is expected.",
    ),
    KnownError(
        id="preserve-missing",
        says="The following methods to preserve do not exist in script_module: features",
        patterns=(
            r"The following methods to preserve do not exist in script_module: (?P<name>\w{1,80})",
            r"(?:^|Error: )Unknown name: (?P<name>\w{1,80})$",
        ),
        stages=("frozen", "optimised"),
        cause="A method that is to be kept is not in the TorchScript module.",
        detail="The name: {name}.",
        remedy=(
            "Mark it with @torch.jit.export and use `method: script`; a trace has only forward. Check the "
            "spelling in `preserve-methods`."
        ),
        source=("torch/utils/mobile_optimizer.py", "torch/csrc/jit/passes/freeze_module.cpp"),
        example="AttributeError: The following methods to preserve do not exist in script_module: features",
    ),
    KnownError(
        id="freeze-training",
        says="Freezing is currently only implemented for modules in eval mode",
        patterns=(r"Freezing is currently only implemented for modules in eval mode",),
        stages=("frozen", "optimised", "lowered"),
        cause="The module is in training mode, where dropout and batch statistics are live.",
        remedy="Call model.eval() before scripting; ptmobile does.",
        source=("torch/jit/_freeze.py",),
        example=(
            "RuntimeError: Freezing is currently only implemented for modules in eval mode. Please call .eval() "
            "on your module before freezing."
        ),
    ),
    KnownError(
        id="freeze-twice",
        says="'RecursiveScriptModule' object has no attribute 'training'",
        patterns=(r"'RecursiveScriptModule' object has no attribute 'training'",),
        stages=("frozen", "optimised", "lowered", "load"),
        cause="The module is frozen (or optimised) already: freezing takes the attribute away that it asks for.",
        remedy=(
            "Freeze or optimise once only; give ptmobile the TorchScript file from before that, or the model's class."
        ),
        source=("torch/jit/_freeze.py",),
        example="AttributeError: 'RecursiveScriptModule' object has no attribute 'training'",
    ),
    KnownError(
        id="freeze-not-scripted",
        says="Freezing expects a ScriptModule as input",
        patterns=(r"Freezing expects a ScriptModule as input",),
        stages=("frozen", "optimised", "lowered"),
        cause="torch.jit.freeze was given a Python module.",
        remedy="Call torch.jit.trace or torch.jit.script first; `ptmobile convert` does all of it.",
        source=("torch/jit/_freeze.py",),
        example=(
            "RuntimeError: Freezing expects a ScriptModule as input. Please use torch.jit.script or "
            "torch.jit.trace to script your 'nn.Module'."
        ),
    ),
    KnownError(
        id="freeze-returns-module",
        says="attempted to freeze a module that return itself",
        patterns=(r"attempted to freeze a module that return itself",),
        stages=("frozen", "optimised", "lowered"),
        cause="A method of the model returns the model itself, which cannot be frozen.",
        remedy="Return tensors only.",
        source=("torch/csrc/jit/passes/freeze_module.cpp",),
        example="RuntimeError: attempted to freeze a module that return itself",
    ),
    KnownError(
        id="optimiser-type-renamed",
        says="module 'torch._C' has no attribute 'MobileOptimizerType'",
        patterns=(r"module 'torch\._C' has no attribute '_?MobileOptimizerType'",),
        cause=(
            "The list of the optimiser's passes has another name in this torch: it was renamed in the 2.x releases."
        ),
        remedy=(
            "Import MobileOptimizerType from torch.utils.mobile_optimizer; or use ptmobile's `optimize-blocklist`."
        ),
        source=("torch/utils/mobile_optimizer.py",),
        example="AttributeError: module 'torch._C' has no attribute '_MobileOptimizerType'",
    ),
    KnownError(
        id="xnnpack-flag-missing",
        says="module 'torch.backends' has no attribute 'xnnpack'",
        patterns=(r"module 'torch\.backends' has no attribute 'xnnpack'",),
        cause="torch.backends.xnnpack came after this release; that says nothing about XNNPACK itself.",
        remedy="Look for USE_XNNPACK in torch.__config__.show(); ptmobile's report names it with the other versions.",
        source=("torch/backends",),
        example="AttributeError: module 'torch.backends' has no attribute 'xnnpack'",
    ),
)
