"""Memory, disk, processes that end; last, since their words may stand beside a better known error."""

from __future__ import annotations

from typing import Final

from ptmobile.explaining.model import KnownError

MACHINE: Final[tuple[KnownError, ...]] = (
    KnownError(
        id="disk-full",
        says="[enforce fail at inline_container.cc:325] . unexpected pos 64 vs 0",
        patterns=(
            r"unexpected pos \d{1,19} vs \d{1,19}",
            r"No space left on device",
            r"PytorchStreamWriter failed writing",
        ),
        cause=(
            "The file could not be written to its end: the disk is full, or a limit on the size of files was reached."
        ),
        remedy=(
            "Make room, also where the folder for temporary files is (TMPDIR); a conversion needs a few times the "
            "weights."
        ),
        source=("caffe2/serialize/inline_container.cc",),
        example="what(): [enforce fail at inline_container.cc:325] . unexpected pos 64 vs 0",
    ),
    KnownError(
        id="out-of-memory",
        says="DefaultCPUAllocator: can't allocate memory",
        patterns=(
            r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)",
            r"\bMemoryError\b",
            r"Unable to allocate .{1,40} for an array",
            r"std::bad_alloc",
            r"Cannot allocate memory",
        ),
        cause="The memory is not enough; a conversion needs five to seven times the size of the weights.",
        remedy="Give smaller inputs (batch, image), or use a larger machine.",
        source=("c10/core/impl/alloc_cpu.cpp",),
        example=(
            "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)"
        ),
    ),
    KnownError(
        id="recursion",
        says="maximum recursion depth exceeded",
        patterns=(r"maximum recursion depth exceeded",),
        cause="A function calls itself without end, or a model is nested very deeply.",
        remedy="See that forward does not call itself, also by __getattr__ or a property.",
        source=("Python",),
        example="RecursionError: maximum recursion depth exceeded",
    ),
    KnownError(
        id="killed",
        says="The process was ended by SIGKILL",
        patterns=(r"\bSIGKILL\b", r"exit(?:ed with)? code 137\b", r"\bOOMKilled\b", r"\bOut of memory: Killed process"),
        cause="The system killed the process, nearly always because the memory was used up.",
        remedy="Give smaller inputs (batch, image), use a larger runner, or convert fewer models side by side.",
        source=("Linux",),
        example="The process was ended by SIGKILL (the usual sign of too little memory) in stage optimised, trial 0.",
    ),
    KnownError(
        id="crash-optimised",
        says="The process was ended by SIGSEGV in stage optimised",
        patterns=(
            r"\bSIG(?:SEGV|ABRT|BUS|FPE|ILL)\b.{0,80}in stage optimised",
            r"optimised(?: \(\w{1,9}\))? crashed.{0,40}\bSIG(?:SEGV|ABRT|BUS|FPE|ILL)\b",
        ),
        stages=("optimised",),
        cause=(
            "Native code crashed. Known reasons: prepacked convolutions are taken out of `if` branches and run on "
            "images that they were not made for; bfloat16 convolutions; images smaller than the kernel."
        ),
        remedy=(
            "Leave a pass out by `optimize-blocklist`, INSERT_FOLD_PREPACK_OPS in the first place; or set "
            "`optimize: false`."
        ),
        source=("pytorch/pytorch#52463", "pytorch/pytorch#47269", "torch/csrc/jit/passes/xnnpack_rewrite.cpp"),
        example="The process was ended by SIGSEGV in stage optimised, trial 0.",
    ),
    KnownError(
        id="crash-lite",
        says="The process was ended by SIGSEGV in stage lite",
        patterns=(
            r"\bSIG(?:SEGV|ABRT|BUS|FPE|ILL)\b.{0,80}in stage (?:lite|backported|device)",
            r"its process was ended by SIG(?:SEGV|ABRT|BUS|FPE)",
        ),
        stages=("lite", "backported", "device"),
        cause=(
            "The interpreter crashed instead of raising an error: it checks neither the number nor the kind of "
            "arguments, nor channels of optimised layers, and 1.13 breaks on scripted NamedTuples."
        ),
        remedy=(
            "Return plain tuples, or use `method: trace`; check `inputs`. If it runs with `optimize: false`, "
            "leave out INSERT_FOLD_PREPACK_OPS by `optimize-blocklist`."
        ),
        source=("pytorch/pytorch#84706", "pytorch/pytorch#52463", "torch/csrc/jit/mobile/interpreter.cpp"),
        example="The process was ended by SIGSEGV in stage lite, trial 1.",
    ),
    KnownError(
        id="crash-saved",
        says="The process was ended by SIGABRT in stage saved",
        patterns=(r"\bSIG(?:SEGV|ABRT|BUS|FPE|ILL)\b.{0,80}in stage saved", r"exit status \d{1,3} in stage saved"),
        stages=("saved",),
        cause="Saving ended the process; torch does so when it cannot write.",
        remedy="The disk with the folder for temporary files (TMPDIR) may be full: make room there.",
        source=("caffe2/serialize/inline_container.cc",),
        example="The process was ended by SIGABRT in stage saved.",
    ),
    KnownError(
        id="illegal-instruction",
        says="The process was ended by SIGILL",
        patterns=(r"\bSIGILL\b", r"Illegal instruction"),
        cause="The library uses an instruction that this CPU does not have, or is emulated without.",
        remedy="Use another machine (x86-64 with AVX2), or a build of torch for this one.",
        source=("Linux",),
        example="Illegal instruction (core dumped)",
    ),
    KnownError(
        id="crash",
        says="The process was ended by SIGSEGV",
        patterns=(r"\bSIG(?:SEGV|ABRT|BUS|FPE|ILL)\b", r"Segmentation fault", r"Fatal signal \d{1,2} \(SIG"),
        cause="Native code crashed: of torch, of an extension that the model loads, or through ctypes.",
        remedy=(
            "Run the model in plain Python with -X faulthandler to see where; take extensions out. In an app, "
            "`ptmobile check` runs the file in the same library."
        ),
        source=("pytorch/pytorch#99561", "pytorch/pytorch#82312"),
        example="The process was ended by SIGSEGV in stage eager, trial 0.",
    ),
    KnownError(
        id="process-left",
        says="The process ended by itself with exit status 0",
        patterns=(r"process ended by itself with exit status", r"it ended the program with"),
        cause=(
            "Code of the model, or of a library, has ended the process: os._exit, sys.exit, or a failed check in C++."
        ),
        remedy="Take such calls out of what is imported and run; the lines printed before may say why.",
        source=("Python",),
        example="The process ended by itself with exit status 0 in stage load.",
    ),
    KnownError(
        id="internal-assert",
        says='INTERNAL ASSERT FAILED at "./torch/csrc/jit/ir/ir.cpp":1017, please report a bug to PyTorch',
        patterns=(r"INTERNAL ASSERT FAILED at \"(?P<file>[\w./\\-]{1,200})\"", r"INTERNAL ASSERT FAILED"),
        cause=(
            "A check inside PyTorch failed: a case that its authors did not think of. Nobody repairs TorchScript "
            "any more."
        ),
        detail="The place: {file}.",
        remedy=(
            "Convert in another way: the other `method`, passes left out by `optimize-blocklist`, or `optimize: "
            "false`; write the part that it names more plainly."
        ),
        source=("c10/util/Exception.h",),
        example=(
            'RuntimeError: it != end INTERNAL ASSERT FAILED at "./torch/csrc/jit/ir/ir.cpp":1017, please report a '
            "bug to PyTorch."
        ),
    ),
)
