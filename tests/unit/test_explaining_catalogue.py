"""The catalogue of known errors: each entry by itself, all of them beside each other, and against hostile messages."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ptmobile.cli import _parser as command_line
from ptmobile.explaining import KnownError, advice_for, explain, explain_all
from ptmobile.explaining.catalogue import GROUPS, KNOWN_ERRORS
from ptmobile.explaining.commands import WHERE
from ptmobile.explaining.matching import MAX_ADVICE, MAX_MESSAGE
from ptmobile.report.escape import markdown_text
from ptmobile.result import StageName
from ptmobile.spec.options import all_options

ROOT = Path(__file__).resolve().parents[2]
STAGES: tuple[StageName, ...] = get_args(StageName)
each = pytest.mark.parametrize("known", KNOWN_ERRORS, ids=lambda known: known.id)


def first(message: str, stage: str = "") -> str:
    """The id of the best explanation."""
    found = explain(message, stage=stage)
    return found.id if found else ""


# --- each entry ------------------------------------------------------------------------------------------------------


def test_names_are_unique_and_can_be_typed() -> None:
    names = [known.id for known in KNOWN_ERRORS]
    assert len(set(names)) == len(names) > 100
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)
    assert len({known.says for known in KNOWN_ERRORS}) == len(names)
    assert {known.id for group in GROUPS.values() for known in group} == set(names)


@each
def test_an_example_is_explained_by_its_own_entry_before_all_others(known: KnownError) -> None:
    assert first(known.example) == known.id
    for stage in known.stages or STAGES:
        assert first(known.example, stage) == known.id


@each
def test_what_the_documentation_shows_of_a_message_is_explained_by_it(known: KnownError) -> None:
    for stage in known.stages or ("",):
        assert first(known.says, stage) == known.id


@each
def test_texts_are_sentences_on_one_line(known: KnownError) -> None:
    for text in (known.cause, known.remedy, *([known.detail] if known.detail else [])):
        assert text.isprintable()
        assert text.endswith((".", "?"))
        assert text == " ".join(text.split())
        assert text.count("`") % 2 == 0
    assert known.says.isprintable()
    assert not re.search(r"[`|]", known.says), "it stands as code in a table"
    assert known.example == " ".join(known.example.split())


@each
def test_what_is_said_fits_into_a_report(known: KnownError) -> None:
    advice = advice_for(known.example)
    assert known.cause in advice
    assert advice.endswith(known.remedy), f"{len(advice)} characters are too many"
    assert len(advice) <= MAX_ADVICE
    assert not re.search(r"\{(?!num_classes|shape)", advice)


@each
def test_details_name_what_the_patterns_find(known: KnownError) -> None:
    fields = set(re.findall(r"\{(\w+)\}", known.detail))
    groups = [set(re.compile(pattern).groupindex) for pattern in known.patterns]
    assert set().union(*groups) == fields
    assert not fields or fields in groups
    if fields:
        found = explain(known.example)
        assert found is not None
        assert found.cause.startswith(known.cause + " ")
        assert "{" not in found.cause.removeprefix(known.cause)


@each
def test_options_and_commands_in_the_texts_exist(known: KnownError) -> None:
    options = all_options()
    others = {
        "if",
        "with",
        "key",
        "range",
        "shapes",
        "return",
        "is not None",
        "if mask is not None:",
        "assert mask is not None",
    }
    for quoted in re.findall(r"`([^`]*)`", f"{known.cause} {known.remedy}"):
        name, _, value = quoted.partition(": ")
        if quoted.startswith("ptmobile "):
            assert quoted.split()[1] in command_line().format_help()
        elif quoted not in others and name != "lfs":
            assert name in options
            if value and options[name].choices:
                assert value in options[name].choices
            if value and name == "optimize-blocklist":
                assert value in options[name].description


@each
def test_sources_can_be_looked_up(known: KnownError) -> None:
    assert known.source
    for source in known.source:
        if source.startswith("docs/"):
            assert (ROOT / source).is_file()
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+#\d+|[\w./-]+/[\w./-]+|[\w-]+/[\w-]+: .+|src/.+|Python|Linux", source)


@each
def test_the_report_shows_it_as_it_is(known: KnownError) -> None:
    """Nothing of it acts as Markdown in a summary, and nothing of it is lost."""
    advice = advice_for(known.example)
    (paragraph,) = [token for token in MarkdownIt().parse(markdown_text(advice)) if token.type == "inline"]
    children = paragraph.children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children).replace("\u200b", "") == advice


def test_every_stage_that_is_named_has_words() -> None:
    assert {stage for known in KNOWN_ERRORS for stage in known.stages} <= set(WHERE)


# --- which one of several --------------------------------------------------------------------------------------------

_LOGCAT = """
E/AndroidRuntime: FATAL EXCEPTION: main
    Process: org.pytorch.helloworld, PID: 15809
    java.lang.RuntimeException: Unable to start activity ComponentInfo{org.pytorch.helloworld/x}:
    com.facebook.jni.CppException: Lite Interpreter verson number does not match. The model version must be between
    3 and 5But the model version is 7 ()
    Exception raised from parseMethods at ../torch/csrc/jit/mobile/import.cpp:320 (most recent call first):
    (no backtrace available)
        at org.pytorch.LiteNativePeer.initHybrid(Native Method)
"""
#: As users post them: with prefixes of logs, broken lines, and the words of other releases.
#: Between the first words of 1.12.2 and the one operator that it names.
MISSING_1_12 = (
    "Please check if the operator library is included in the build. If built with selected ops, check if these ops are "
    "in the list. If you are a Meta employee, please see fburl.com/missing_ops for a fix. Or post it in "
    "https://discuss.pytorch.org/"
)
POSTED = [
    (_LOGCAT, "bytecode-version"),
    (
        "Following ops cannot be found. Check fburl.com/missing_ops for the fix.{aten::pad, aten::mish, } ()",
        "operator-missing",
    ),
    ("[enforce fail at inline_container.cc:208] . file not found: archive/constants.pkl", "constants-missing"),
    ("PytorchStreamReader failed reading zip archive: not a ZIP archive", "not-an-archive"),
    ("java.lang.IllegalStateException: Expected IValue type 2, actual type 7", "java-value-kind"),
    ("at::Tensor scalar type is not supported on java side", "java-dtype"),
    ('couldn\'t find "libpytorch_jni.so"', "java-native-library"),
    ("couldn't find DSO to load: libpytorch_jni.so caused by: dlopen failed", "java-native-library"),
    ("couldn't find DSO to load: libtorch-code-gen.so", "java-code-gen"),
    ("fft: ATen not compiled with MKL support", "fft-missing"),
    ("svd: LAPACK library not found in compilation", "lapack-missing"),
    ("xnnpack::convolution not available! Reason: The provided (weight, bias, ...", "xnnpack-parameters"),
    ("XNNPACK Linear not available! Reason: The provided (weight, ...", "xnnpack-parameters"),
    (
        'isTuple()INTERNAL ASSERT FAILED at "ivalue_inl.h":1306,\nplease report. Expected Tuple but got String',
        "debug-records",
    ),
    ("Expected TensorList but got None", "operator-arguments-changed"),
    ("Expected Tensor but got InvalidTag", "operator-arguments-changed"),
    ("Tried to cast a List<int> to a List<str>", "operator-arguments-changed"),
    ("Returning a list or dictionary with pytorch class type is not supported in mobile module", "save-class-in-list"),
    ("Operator is not supported in mobile module.", "save-instruction"),
    ("A/libc: Fatal signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0", "crash"),
    ("\x1b[31mRuntimeError\x1b[0m: \x1b[1mFreezing expects a ScriptModule as input\x1b[0m", "freeze-not-scripted"),
    ("Could not run 'aten::empty_strided' with arguments from the 'CUDA' backend.", "cuda-baked-in"),
    (
        "Unknown builtin op: torchvision::nms.\nCould not find any similar ops to torchvision::nms.",
        "torchvision-operators",
    ),
    ("Unknown builtin op: torchvision::_new_empty_tensor_op.", "torchvision-operators"),
    (f"Following ops cannot be found. {MISSING_1_12}torchvision::nms", "torchvision-operators"),
    (f"Following ops cannot be found. {MISSING_1_12}aten::mT", "operator-missing"),
    ("RuntimeError: quantized engine FBGEMM is not supported", "quantised-engine"),
    ("Error: Process completed with exit code 137.", "killed"),
    ("Process finished with exit code 137", "killed"),
]


@pytest.mark.parametrize(("message", "name"), POSTED, ids=[f"{name}-{n}" for n, (_, name) in enumerate(POSTED)])
def test_messages_as_users_post_them(message: str, name: str) -> None:
    assert first(message) == name
    log = "01-01 12:00:00.000 I/ActivityManager: Displayed org.pytorch.demo\n" * 200
    assert first(f"{log}{message}\n{log}") == name


def test_warnings_and_chatter_hide_no_error() -> None:
    warning = "TracerWarning: Converting a tensor to a Python boolean might cause the trace to be incorrect.\n"
    chatter = "E/SoLoader: couldn't find DSO to load: libtorch-code-gen.so\n"
    for error, name in [
        ("RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 and 4x2)", "matrix-sizes"),
        ("A/libc: Fatal signal 11 (SIGSEGV), code 1", "crash"),
        ("ModuleNotFoundError: No module named 'models'", "python-module-missing"),
    ]:
        assert first(chatter + warning + error) == name
    assert first(chatter + warning) == "tracer-warning-branch"
    assert first(chatter) == "java-code-gen"


def test_the_stage_decides_between_meanings() -> None:
    assert first("MemoryError: std::bad_alloc", "lite") == "lite-named-tuple"
    assert first("MemoryError: std::bad_alloc", "eager") == "out-of-memory"
    assert [found.id for found in explain_all("MemoryError: std::bad_alloc")] == ["lite-named-tuple", "out-of-memory"]


def test_an_error_from_another_stage_is_the_last_resort() -> None:
    assert first("ENTER is not supported in mobile module.", "eager") == "save-with-statement"


def test_crashes_are_explained_by_where_they_happen() -> None:
    for stage, name in [("optimised", "crash-optimised"), ("lite", "crash-lite"), ("device", "crash-lite")]:
        assert first(f"The process was ended by SIGSEGV in stage {stage}, trial 2.", stage) == name
    assert first("Loading the file, its process was ended by SIGABRT.", "device") == "crash-lite"
    assert first("The process was ended by SIGSEGV in stage load.", "load") == "crash"
    assert first("The process ended by itself with exit status 1 in stage saved.", "saved") == "crash-saved"
    assert first("The process ended by itself with exit status 1 in stage eager.", "eager") == "process-left"


@pytest.mark.parametrize(
    "message", ["", " \n", "ValueError: the width must be positive", "KeyError: 'tensor'", "x" * 10**6]
)
def test_other_messages_are_not_known(message: str) -> None:
    assert explain_all(message) == ()
    assert advice_for(message) == ""


# --- hostile messages ------------------------------------------------------------------------------------------------


def test_of_a_long_message_the_beginning_and_the_end_are_looked_at() -> None:
    known, filler = "index out of range in self", "x " * MAX_MESSAGE
    assert first(known + filler) == first(filler + known) == "index-range"
    assert first(filler + known + filler) == ""


def work(pattern: str) -> int:
    """How many ways a pattern can be tried from one place of a message, at most.

    Raises:
        AssertionError: a repetition has no upper end, or holds another one: the ways could be too many to count.
    """
    return _ways(_parser.parse(pattern))


def _ways(parsed: Any, *, repeated: bool = False) -> int:
    ways = 1
    for operation, value in parsed:
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, inner = value
            assert high is not sre.MAXREPEAT, "a repetition without an upper end"
            assert not repeated, "a repetition within a repetition"
            optional = int(high) == 1
            ways *= int(high) - int(low) + _ways(inner, repeated=not optional)
        elif operation is sre.BRANCH:
            ways *= sum(_ways(branch, repeated=repeated) for branch in value[1])
        elif operation is sre.SUBPATTERN:
            ways *= _ways(value[3], repeated=repeated)
        elif operation in (sre.ASSERT, sre.ASSERT_NOT):
            ways *= _ways(value[1], repeated=repeated)
        else:
            assert operation in (sre.LITERAL, sre.IN, sre.AT, sre.ANY, sre.NOT_LITERAL), operation
    return ways


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(?:a{1,9}){1,9}", r"a*b", r".*", r"(\w{1,5},?){2,3}"])
def test_dangerous_patterns_would_be_noticed(pattern: str) -> None:
    with pytest.raises(AssertionError):
        work(pattern)


@each
def test_patterns_take_linear_time(known: KnownError) -> None:
    """Every place of a message costs at most a fixed number of steps."""
    for pattern in known.patterns:
        assert work(pattern) <= 50_000, pattern
        wide = [high for low, high in _repeats(_parser.parse(pattern)) if high - low > 130]
        assert len(wide) <= 1, f"two wide gaps cost the product of both: {pattern}"


def _repeats(parsed: Any) -> Iterator[tuple[int, int]]:
    for operation, value in parsed:
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            yield int(value[0]), int(value[1])
            yield from _repeats(value[2])
        elif operation is sre.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch)
        elif operation is sre.SUBPATTERN:
            yield from _repeats(value[3])


#: What patterns begin with and pass over, so that many of them begin to match and fail late.
_PIECES = sorted({word for known in KNOWN_ERRORS for word in re.split(r"\W+", known.example) if word})
fragments = st.one_of(
    st.sampled_from([known.example[: len(known.example) // 2] for known in KNOWN_ERRORS]),
    st.sampled_from(_PIECES),
    st.text(alphabet=string.punctuation + " \n\t0a\u2028\ud800", max_size=20),
)


@settings(max_examples=40)
@given(st.lists(fragments, min_size=1, max_size=30), st.integers(1, 3000))
def test_long_hostile_messages_are_answered(pieces: list[str], times: int) -> None:
    message = " ".join(pieces) * times
    for found in explain_all(message):
        assert "\n" not in found.cause
        assert len(found.cause) < 2000
    assert len(advice_for(message)) <= MAX_ADVICE


@settings(max_examples=100)
@given(st.sampled_from([known for known in KNOWN_ERRORS if known.detail]), st.text(max_size=300))
def test_what_a_message_puts_into_an_explanation_is_harmless(known: KnownError, inserted: str) -> None:
    """A name in a message comes from somebody's file: no line ends, markup or control characters come with it."""
    for name in re.findall(r"\w{3,}", known.example):
        found = explain(known.example.replace(name, inserted))
        if found is not None:
            told = next(k for k in KNOWN_ERRORS if k.id == found.id)
            assert found.cause.removeprefix(told.cause).isprintable()
            assert not re.search(r"[<>`|#@]", found.cause.removeprefix(told.cause))
