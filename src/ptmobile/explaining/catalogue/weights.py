"""Checkpoints that cannot be read, or do not fit the model; ptmobile reads most of them itself, and says more."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

WEIGHTS: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="weights-prefix",
        says='Missing key(s) in state_dict: "weight". Unexpected key(s) in state_dict: "module.weight"',
        patterns=(r"Unexpected key\(s\) in state_dict: \"(?P<prefix>module\.|_orig_mod\.|model\.)",),
        stages=("load",),
        cause=(
            "The checkpoint was saved from a wrapper (DataParallel, torch.compile, Lightning), which puts a "
            "prefix before keys."
        ),
        detail='Here it is "{prefix}".',
        remedy=(
            "Name the file in `weights`: ptmobile takes module. and _orig_mod. off. In code: "
            "torch.nn.modules.utils.consume_prefix_in_state_dict_if_present."
        ),
        source=("torch/nn/modules/module.py",),
        example=(
            'RuntimeError: Error(s) in loading state_dict for Net: Missing key(s) in state_dict: "weight", '
            '"bias". Unexpected key(s) in state_dict: "module.weight", "module.bias".'
        ),
    ),
    KnownError(
        id="weights-shape",
        says="size mismatch for weight: copying a param with shape [3, 4] from checkpoint",
        patterns=(r"size mismatch for (?P<name>[\w.]{1,120}): copying a param",),
        stages=("load",),
        cause="The checkpoint is of the same architecture with other sizes, mostly another number of classes.",
        detail="The first: {name}.",
        remedy=(
            "Give the sizes of the training in `model-args`, such as {num_classes: 5}. strict=False does not help."
        ),
        source=("torch/nn/modules/module.py",),
        example=(
            "RuntimeError: Error(s) in loading state_dict for Net: size mismatch for fc.weight: copying a param "
            "with shape torch.Size([3, 4]) from checkpoint, the shape in current model is torch.Size([2, 4])."
        ),
    ),
    KnownError(
        id="weights-keys",
        says="Missing key(s) in state_dict, Unexpected key(s) in state_dict",
        patterns=(r"(?:Missing|Unexpected) key\(s\) in state_dict", r"Expected state_dict to be dict-like"),
        stages=("load",),
        cause=(
            "The checkpoint's names are not the model's: another class or version, or the state dict lies deeper "
            "in the file."
        ),
        remedy=(
            "Choose the part with `weights-key` (state_dict, model, ema); make the model of the same version; "
            "never use strict=False, which loads nothing silently."
        ),
        source=("torch/nn/modules/module.py",),
        example='RuntimeError: Error(s) in loading state_dict for Net: Missing key(s) in state_dict: "bias".',
    ),
    KnownError(
        id="weights-as-model",
        says="'collections.OrderedDict' object has no attribute 'eval'",
        patterns=(
            (
                r"'(?:collections\.)?(?:OrderedDict|dict)' object has no attribute "
                r"'(?:eval|forward|to|cpu|parameters|children)'"
            ),
            r"'(?:collections\.)?OrderedDict' object is not callable",
        ),
        stages=("load", "eager"),
        cause="The file holds weights (a state dict), not a model: there is no code in it.",
        remedy="Name the class in `model` and the file in `weights`.",
        source=("torch/serialization.py",),
        example="AttributeError: 'collections.OrderedDict' object has no attribute 'eval'",
    ),
    KnownError(
        id="weights-only",
        says="Weights only load failed ... WeightsUnpickler error: Unsupported operand 71",
        patterns=(r"Weights only load failed", r"WeightsUnpickler error"),
        stages=("load",),
        cause=(
            "torch.load with weights_only=True refuses what is no tensor; in 1.13 even a plain float in the checkpoint."
        ),
        remedy=(
            "Name the file in `weights`: ptmobile's own reader takes floats and runs no code. For a whole pickled "
            "model save model.state_dict(), or trust it with `allow-pickle: true`."
        ),
        source=("torch/_weights_only_unpickler.py",),
        example=(
            "_pickle.UnpicklingError: Weights only load failed. Re-running `torch.load` with `weights_only` set "
            "to `False` will likely succeed, but it can result in arbitrary code execution."
        ),
    ),
    KnownError(
        id="weights-lfs-pointer",
        says="invalid load key, 'v'.",
        patterns=(r"invalid load key, 'v'",),
        stages=("load",),
        cause="The file is a Git LFS pointer, a few lines of text that stand for the checkpoint.",
        remedy="Give `lfs: true` to actions/checkout, or run git lfs pull.",
        source=("torch/serialization.py",),
        example="_pickle.UnpicklingError: invalid load key, 'v'.",
    ),
    KnownError(
        id="weights-not-a-checkpoint",
        says="invalid load key, '<'.",
        patterns=(
            r"invalid load key, '.{1,6}'",
            r"Invalid magic number; corrupt file",
            r"STACK_GLOBAL requires str",
            r"could not find MARK",
        ),
        stages=("load",),
        cause=(
            "The file is no checkpoint of torch: a web page ('<'), .safetensors, .npy, or a pickle of something else."
        ),
        remedy=(
            "Look at its first bytes and its size. .safetensors is read if the name ends so; download the file again."
        ),
        source=("torch/serialization.py",),
        example="_pickle.UnpicklingError: invalid load key, '<'.",
    ),
    KnownError(
        id="weights-cut-off",
        says="unexpected EOF, expected 55496 more bytes. The file might be corrupted",
        patterns=(
            r"unexpected EOF, expected \d{1,19} more bytes",
            r"(?:EOFError: |^)Ran out of input",
            r"pickle data was truncated",
        ),
        stages=("load",),
        cause="The checkpoint ends too early: an interrupted copy or download, or an empty file.",
        remedy="Compare its size with the original and copy it again.",
        source=("torch/serialization.py",),
        example="RuntimeError: unexpected EOF, expected 55496 more bytes. The file might be corrupted.",
    ),
    KnownError(
        id="pickled-class-missing",
        says="Can't get attribute 'Net' on <module '__main__'>",
        patterns=(r"Can't get attribute '(?P<name>[\w.]{1,80})' on <module",),
        stages=("load",),
        cause=(
            "A whole model was pickled, and its class is not where it was: such a file holds only the class's name."
        ),
        detail="The class: {name}.",
        remedy=(
            "Save model.state_dict() and name the class in `model`; or put the class where it was when it was saved."
        ),
        source=("torch/serialization.py",),
        example="AttributeError: Can't get attribute 'Net' on <module '__main__' from 'run.py'>",
    ),
    KnownError(
        id="python-module-missing",
        says="No module named 'models.yolo'",
        patterns=(r"No module named '(?P<name>[\w.]{1,80})'",),
        stages=("load",),
        cause="The model's code, or a pickled model, imports a module that is not here.",
        detail="The module: {name}.",
        remedy=(
            "List its package in a requirements file and name that in `requirements`, or put its code into the "
            "workspace (root or src). Or make a TorchScript file where it is installed, and name that in `model`."
        ),
        source=("Python", "docs/troubleshooting.md"),
        example="ModuleNotFoundError: No module named 'models.yolo'",
    ),
)
