"""The reader of `.ptl` files: what it tells, what it refuses, and that nothing in a file can do harm."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ptmobile.errors import ExitCode, LoadError
from ptmobile.litefile import LiteFile, LiteFileError, read_lite_file, reading
from ptmobile.litefile import bytecode as bytecode_module
from ptmobile.litefile import pickled as pickled_module
from ptmobile.litefile import zipdirectory as zipdirectory_module
from ptmobile.litefile.bytecode import contained_types, read_bytecode
from ptmobile.litefile.pickled import INERT, load_plain

TINY = Path(__file__).parents[1] / "data" / "tiny.ptl"
TINY_BYTES = TINY.read_bytes()

FUNCTION = (
    "__torch__.Net.forward",
    (
        ("instructions", (("OP", 0, 0), ("RET", 0, 0))),
        ("operators", (("aten::add", "Tensor", 2), ("aten::relu", "", 1))),
        ("constants", ()),
        ("types", ("Dict[str, Tensor]",)),
        ("register_size", 3),
    ),
)


def plain(value: object) -> bytes:
    """A pickle as PyTorch would write it, from Python's own pickler."""
    return pickle.dumps(value, protocol=2)


def records(**changes: bytes | None) -> dict[str, bytes]:
    """The records of a small file; keys are written with `__` for `/` and `_pkl` for `.pkl`."""
    found: dict[str, bytes] = {
        "net/data.pkl": plain(()),
        "net/constants.pkl": plain(()),
        "net/bytecode.pkl": plain((8, FUNCTION)),
        "net/version": b"3\n",
    }
    for key, data in changes.items():
        name = "net/" + key.replace("__", "/").replace("_pkl", ".pkl")
        found.pop(name, None)
        if data is not None:
            found[name] = data
    return found


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes, name: str = "given.ptl") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def refusal(path: Path) -> LiteFileError:
    with pytest.raises(LiteFileError) as caught:
        read_lite_file(path)
    return caught.value


def test_a_file_of_torch_is_told_in_full() -> None:
    lite = read_lite_file(TINY)
    assert lite.file == "tiny.ptl"
    assert lite.size_bytes == len(TINY_BYTES)
    assert (lite.bytecode_version, lite.archive_version) == (8, 3)
    assert lite.methods == ("forward", "labels")
    assert lite.operators == tuple(sorted(lite.operators))
    assert {"aten::conv2d", "aten::mul.Scalar", "prim::unchecked_cast"} <= set(lite.operators)
    assert lite.operator_arguments["aten::mul.Scalar"] == 2
    assert lite.types == ("Dict", "List", "Tensor", "int", "str")
    assert lite.extra_files == ("labels.txt", "notes/origin.txt")


def test_the_sections_add_up_to_the_file() -> None:
    lite = read_lite_file(TINY)
    assert sum(section.size_bytes for section in lite.sections) == lite.size_bytes
    assert {section.name: section.records for section in lite.sections} == {
        "weights": 2,
        "values": 2,
        "bytecode": 1,
        "code": 2,
        "debug": 0,
        "extra": 2,
        "other": 1,
        "container": 0,
    }


def test_it_travels_as_json() -> None:
    lite = read_lite_file(TINY)
    assert msgspec.json.decode(msgspec.json.encode(lite), type=LiteFile) == lite


def test_the_error_belongs_to_loading() -> None:
    assert issubclass(LiteFileError, LoadError)
    assert LiteFileError.code is ExitCode.LOAD


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x34\0\0\0PTMF" + bytes(50), "flatbuffer"),
        (plain(0x1950A86A20F9469CFC6C) + plain(1001), "torch.save's old format"),
        (plain({"a": 1}), "Python pickle"),
        (b"\x18\0\0\0ET12" + bytes(50), "ExecuTorch"),
        (b"\x1c\0\0\0TFL3" + bytes(50), "TensorFlow Lite"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (zlib.compress(b"x", wbits=31), "gzip"),
        (b"<!DOCTYPE html><html>", "failed download"),
        (b'{"message": "Not Found"}', "failed download"),
        (b"PYTORCH1" + bytes(30), "preview release"),
        (packed({}), "empty zip"),
        (b"hello, world", "does not start like a zip archive"),
        (b"PK\x03\x04", "truncated"),
        (packed(records(bytecode_pkl=None, code__a=b"def f(): pass")), "torch.jit.save"),
        (packed({"net/data.pkl": plain({}), "net/version": b"3\n"}), "torch.save"),
        (packed({"net/version": b"3\n"}), "no model"),
        (packed({"net/.data/extern_modules": b"", "net/data.pkl": b""}), "torch.package"),
        (packed({"net/hello": b""}), "no PyTorch model"),
        (packed({"classes.jar": b"", "jni/x.so": b""}), "one folder"),
    ],
)
def test_what_is_given_instead_is_named(put: Callable[[bytes], Path], data: bytes, words: str) -> None:
    problem = refusal(put(data))
    assert words in problem.message
    assert "given.ptl" in problem.message


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.ptl"
    os.mkfifo(pipe)
    assert "no regular file" in refusal(pipe).message
    assert "a directory" in refusal(tmp_path).message
    assert "No such file" in refusal(tmp_path / "absent.ptl").message
    assert "cannot be read" in refusal(Path("a\0b.ptl")).message


def test_every_truncation_is_an_error(put: Callable[[bytes], Path]) -> None:
    for length in range(len(TINY_BYTES)):
        refusal(put(TINY_BYTES[:length]))


def test_nothing_may_follow_or_precede_the_archive(put: Callable[[bytes], Path]) -> None:
    assert "appended" in refusal(put(TINY_BYTES + b"\0")).message
    with_comment = io.BytesIO(TINY_BYTES)
    with zipfile.ZipFile(with_comment, "a") as archive:
        archive.comment = b"hello"
    assert "appended" in refusal(put(with_comment.getvalue())).message
    # zipfile takes an archive with something in front; so would a runtime that looks from the end.
    prefixed = io.BytesIO(b"PK\x03\x04" + bytes(60))
    prefixed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(prefixed, "a") as archive:
        for name, data in records().items():
            archive.writestr(name, data)
    assert "before the zip archive" in refusal(put(prefixed.getvalue())).message


@pytest.mark.parametrize(
    "name",
    [
        "/net/x",
        "net/../x",
        "net/./x",
        "net/a/../../x",
        "net/a\\..\\x",
        "net//x",
        "other/x",
        "x",
        "net/a\nb",
        "net/\x1b[31m",
    ],
)
def test_names_that_could_do_harm_are_refused(put: Callable[[bytes], Path], name: str) -> None:
    refusal(put(packed({**records(), name: b""})))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["net/bytecode.pkl", "net/Bytecode.pkl", "net/VERSION", "net/DATA/0"])
def test_two_records_of_one_name_are_refused(put: Callable[[bytes], Path], name: str) -> None:
    buffer = io.BytesIO(packed(records(data__0=b"1234")))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, b"other")
    assert "two records named" in refusal(put(buffer.getvalue())).message


def test_sources_and_extra_files_may_differ_by_case_alone(put: Callable[[bytes], Path]) -> None:
    members = {**records(), "net/code/A.py": b"1", "net/code/a.py": b"2", "net/extra/A": b"", "net/extra/a": b""}
    assert read_lite_file(put(packed(members))).extra_files == ("A", "a")


def test_folders_as_records_are_taken(put: Callable[[bytes], Path]) -> None:
    assert read_lite_file(put(packed({"net/": b"", "net/data/": b"", **records()}))).methods == ("forward",)


def test_damage_in_a_record_is_found(put: Callable[[bytes], Path]) -> None:
    data = bytearray(packed(records(data__0=b"weights!" * 8)))
    data[data.index(b"weights!")] ^= 1
    assert "data/0 is damaged" in refusal(put(bytes(data))).message


def test_headers_that_contradict_each_other_are_refused(put: Callable[[bytes], Path]) -> None:
    good = packed(records())
    local_name = bytearray(good)
    local_name[good.index(b"net/data.pkl")] ^= 1
    assert "contradict" in refusal(put(bytes(local_name))).message
    local_size = bytearray(good)
    local_size[18] ^= 1
    assert "contradict" in refusal(put(bytes(local_size))).message
    encrypted = bytearray(good)
    encrypted[good.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(put(bytes(encrypted))).message


def test_records_that_overlap_are_refused(put: Callable[[bytes], Path]) -> None:
    """Two directory entries of one member, as a zip bomb has them by the thousand."""
    data = bytearray(packed({**records(), "net/extra/a": b"1", "net/extra/b": b"1"}))
    first = data.index(b"PK\x01\x02")
    second = data.rindex(b"PK\x01\x02")
    entry = data[first:second]
    third = first + entry.rindex(b"PK\x01\x02")
    data[second : second + 46 + 11] = data[third : third + 46 + 11]
    problem = refusal(put(bytes(data)))
    assert "two records named extra/a" in problem.message
    data[second + 46 + 10] ^= 3
    assert "contradict" in refusal(put(bytes(data))).message


def test_limits_of_the_directory(put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipdirectory_module, "MAX_RECORDS", 3)
    assert "lists 4 records" in refusal(put(packed(records()))).message


def test_a_bomb_is_not_inflated(put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(records(bytecode_pkl=bytes(50_000_000)), zipfile.ZIP_DEFLATED)
    assert "larger than" in refusal(put(bomb)).message
    # The same with a directory that lies about the size.
    lying = bomb.replace(struct.pack("<L", 50_000_000), struct.pack("<L", 1000))
    assert "does not fit its checksum or size" in refusal(put(lying)).message


def test_deflated_records_are_read(put: Callable[[bytes], Path]) -> None:
    assert read_lite_file(put(packed(records(), zipfile.ZIP_DEFLATED))).operators == ("aten::add.Tensor", "aten::relu")


@pytest.mark.parametrize("version", [b"", b"x", b"-3\n", b"3.0", b"\xff", b"99999"])
def test_a_version_that_is_no_number_is_refused(put: Callable[[bytes], Path], version: bytes) -> None:
    assert "version record" in refusal(put(packed(records(version=version)))).message


def test_the_hidden_version_record_goes_first(put: Callable[[bytes], Path]) -> None:
    assert read_lite_file(put(packed({**records(), "net/.data/version": b"10\n"}))).archive_version == 10
    assert "no version record" in refusal(put(packed(records(version=None)))).message


class Harmful:
    """What a hostile pickle holds: a call."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch harmed",)


def test_a_call_in_the_bytecode_is_not_made(
    put: Callable[[bytes], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    constants = (FUNCTION[0], tuple((key, (Harmful(),) if key == "constants" else rows) for key, rows in FUNCTION[1]))
    lite = read_lite_file(put(packed(records(bytecode_pkl=plain((8, constants))))))
    assert lite.operators == ("aten::add.Tensor", "aten::relu")
    refusal(put(packed(records(bytecode_pkl=plain(Harmful())))))
    assert not (tmp_path / "harmed").exists()
    assert load_plain(plain(Harmful()), "it") is INERT


@pytest.mark.parametrize(
    "value", [1, -1, 300, 70_000, 2**40, -(2**40), 1.5, True, None, "é\n", (1, (2, (3, 4, 5, 6))), ()]
)
def test_plain_values_come_back(value: object) -> None:
    assert load_plain(plain(value), "it") == value


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, [[], {}, {"b": [1]}], Path("x")])
def test_everything_else_becomes_inert(value: object) -> None:
    assert load_plain(plain(value), "it") is INERT


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"\x80\x02",
        b"\x80\x02NN.",
        b"\x80\x02(N.",
        b"\x80\x02t.",
        b"\x80\x02\x86.",
        b"\x80\x02(\x85.",
        b"\x80\x02h\x00.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x02q\x00.",
        b"\x80\x02X\xff\xff\xff\xffab.",
        b"\x80\x02cos\nsystem",
        b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00N.",
        b"\x80\x02\x8b\x01\x00\x00\x00\x01.",
        b"\x80\x02" + b"(" * 5000,
    ],
)
def test_broken_pickles_are_refused(data: bytes) -> None:
    with pytest.raises(LiteFileError, match="damaged"):
        load_plain(data, "it")


def test_pickles_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled_module, "MAX_OPCODES", 100)
    with pytest.raises(LiteFileError, match="more than 100 opcodes"):
        load_plain(b"\x80\x02" + b")" * 200, "it")
    monkeypatch.setattr(pickled_module, "MAX_PICKLE_BYTES", 100)
    with pytest.raises(LiteFileError, match="larger than 100 bytes"):
        load_plain(bytes(200), "it")


def test_shared_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes can make a million functions share one table of a million rows."""
    monkeypatch.setattr(bytecode_module, "MAX_TABLE_ROWS", 1000)
    with pytest.raises(LiteFileError, match="more than 1000 rows"):
        read_bytecode(plain((8, *[FUNCTION] * 500)))


@pytest.mark.parametrize(
    "table",
    [
        (),
        8,
        (8, "forward"),
        (8, ("forward",)),
        (8, ("forward", (("operators", ()),))),
        (8, ("forward", (("operators", ((1, 2),)), ("types", ())))),
        (8, ("forward", (("operators", (("a", "b", "c"),)), ("types", ())))),
        (8, ("forward", (("operators", ()), ("types", (1,))))),
        (8, ("a\x1b[31m", FUNCTION[1])),
        (8, ("a" * 5000, FUNCTION[1])),
        (8, ("forward", (("operators", (("aten::\u202eadd", ""),)), ("types", ())))),
        (True, FUNCTION),
        (0, FUNCTION),
        (-8, FUNCTION),
        (2**70, FUNCTION),
    ],
)
def test_other_tables_are_refused(table: object) -> None:
    if table == ():
        assert read_bytecode(plain(table)).methods() == ()
        return
    with pytest.raises(LiteFileError):
        read_bytecode(plain(table))


def test_old_forms_of_the_table() -> None:
    unnumbered = read_bytecode(plain((FUNCTION,)))
    assert (unnumbered.version, unnumbered.methods()) == (3, ("forward",))
    old = ("__torch__.Net.forward", (("operators", (("aten::add", "Tensor"),)), ("types", ())))
    assert read_bytecode(plain((5, old))).operators == {"aten::add.Tensor": None}


def test_the_largest_number_of_arguments_counts() -> None:
    def function(name: str, count: int) -> object:
        return (name, (("operators", (("aten::sum", "", count),)), ("types", ())))

    for counts in ((1, 3), (3, 1)):
        table = (8, *(function(f"__torch__.N.f{count}", count) for count in counts))
        assert read_bytecode(plain(table)).operators == {"aten::sum": 3}


def test_methods_are_the_root_modules_own() -> None:
    names = ("__torch__.N.forward", "__torch__.N.feats", "__torch__.N.__setstate__", "__torch__.Sub.forward")
    assert read_bytecode(plain((8, *((name, FUNCTION[1]) for name in names)))).methods() == ("feats", "forward")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dict[int, Tuple[Tensor, Tensor]]", {"Dict", "int", "Tuple", "Tensor"}),
        ("__torch__.torch.classes.xnnpack.Conv2dOpContext", {"__torch__.torch.classes.xnnpack.Conv2dOpContext"}),
        (
            "__torch__.P[NamedTuple, [[int, Tensor],[b, Optional[float]]]]",
            {"__torch__.P", "NamedTuple", "Tensor", "Optional", "float"},
        ),
    ],
)
def test_types_of_a_text(text: str, expected: set[str]) -> None:
    assert contained_types(text) == expected


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("data/0", "weights"),
        ("constants/0.storage", "weights"),
        ("bytecode/1", "weights"),
        ("data.pkl", "values"),
        ("constants.pkl", "values"),
        ("bytecode.pkl", "bytecode"),
        ("code/__torch__.py", "code"),
        ("code/__torch__.py.debug_pkl", "debug"),
        ("delegated_backends.debug_pkl", "debug"),
        ("callstack_debug_map.pkl", "debug"),
        ("mobile_debug_handles.pkl", "debug"),
        ("extra/a.txt", "extra"),
        ("version", "other"),
        (".data/version", "other"),
    ],
)
def test_sections(name: str, section: str) -> None:
    assert reading.section_of(name) == section


def outcome(path: Path, data: bytes) -> None:
    """Whatever the bytes are, there is a result or the one kind of error."""
    path.write_bytes(data)
    try:
        lite = read_lite_file(path)
    except LiteFileError as problem:
        shown = problem.message
    else:
        assert lite.size_bytes == len(data)
        shown = "".join((*lite.operators, *lite.methods, *lite.types, *lite.extra_files))
    assert shown.isprintable()


fuzz = settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """A file with a few bytes changed, taken out, put in or repeated."""
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.one_of(st.binary(max_size=8), st.sampled_from([b"\xff" * 4, b"\0" * 4, b"PK\x01\x02"])))
        data[at : at + draw(st.integers(0, len(piece) + 2))] = piece
    return bytes(data)


@fuzz
@given(mutated(TINY_BYTES))
def test_mutated_files(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path / "fuzz.ptl", data)


@fuzz
@given(mutated(zipfile.ZipFile(io.BytesIO(TINY_BYTES)).read("tiny/bytecode.pkl")))
def test_mutated_bytecode_with_a_right_checksum(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path / "fuzz.ptl", packed(records(bytecode_pkl=data)))


@fuzz
@given(st.binary(max_size=300))
def test_random_pickles(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path / "fuzz.ptl", packed(records(bytecode_pkl=b"\x80\x02" + data + b".")))


@fuzz
@given(st.sampled_from(range(len(TINY_BYTES) - 700, len(TINY_BYTES))), st.integers(0, 255))
def test_every_byte_of_the_directory_counts(tmp_path: Path, at: int, value: int) -> None:
    data = bytearray(TINY_BYTES)
    data[at] = value
    outcome(tmp_path / "fuzz.ptl", bytes(data))
