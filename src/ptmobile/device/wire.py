"""Values as lines of words: what the runner in Java is given and what it gives back.

The grammar is in ``native/java/ptmobile``: ``Plan.java``, ``Values.java`` and ``Answers.java``. Values are plain Python
(None, bool, int, float, str, list, tuple, dict with keys of one kind) with :class:`TensorAt` for tensors; their bytes
are in a data file, in logical (row-major) order whatever their memory format, each from an offset divisible by 64.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

HEADER: Final = "ptmobile-device 1"
ALIGNMENT: Final = 64
#: What the Java API has tensors of, with the bytes of an element.
DTYPES: Final = {"uint8": 1, "int8": 1, "int32": 4, "int64": 8, "float32": 4, "float64": 8}
#: The API's memory formats by our names: that of 3-D images is the same to us.
FORMATS: Final = {"contiguous": "contiguous", "channels_last": "channels_last", "channels_last_3d": "channels_last"}
MAX_PARTS: Final = 100_000
MAX_DEPTH: Final = 100
MAX_DIMENSIONS: Final = 64
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-./_:,()[]")
_ESCAPE: Final = re.compile(rb"%([0-9a-f]{2})")
_LONG: Final = range(-(1 << 63), 1 << 63)


class WireError(ValueError):
    """What cannot be said over the wire, or was not said as agreed."""


@dataclass(frozen=True)
class TensorAt:
    """A tensor whose bytes are in a data file. ``memory_format``: ``contiguous`` or ``channels_last`` (2-D or 3-D)."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int
    memory_format: str = "contiguous"


Plain: TypeAlias = bool | int | float | str | None
Value: TypeAlias = (
    TensorAt | Plain | list["Value"] | tuple["Value", ...] | Mapping[str, "Value"] | Mapping[int, "Value"]
)


def encode(value: Value) -> Iterator[str]:
    """The lines of one value.

    Raises:
        WireError: it cannot be expressed.
    """
    if isinstance(value, TensorAt):
        yield _encode_tensor(value)
    elif isinstance(value, list | tuple):
        yield f"{'list' if isinstance(value, list) else 'tuple'} {len(value)}"
        for item in value:
            yield from encode(item)
    elif isinstance(value, Mapping):
        yield from _encode_dict(value)
    else:
        yield _encode_plain(value)


def _encode_tensor(tensor: TensorAt) -> str:
    if tensor.memory_format not in FORMATS.values():
        raise WireError(f"the Java API has no memory format {tensor.memory_format!r}")
    if not re.fullmatch("[a-z0-9]{1,30}", tensor.dtype) or any(dimension < 0 for dimension in tensor.shape):
        raise WireError(f"no tensor: {tensor}")
    numbers = (tensor.offset, tensor.size, *tensor.shape)
    return " ".join(["tensor", tensor.dtype, tensor.memory_format, *map(str, numbers)])


def _encode_dict(value: Mapping[str, Value] | Mapping[int, Value]) -> Iterator[str]:
    kinds = {type(key) for key in value}
    if kinds not in ({str}, {int}, set()):
        raise WireError("the Java API has dictionaries whose keys are all strings, or all integers")
    yield f"dict {'long' if kinds == {int} else 'string'} {len(value)}"
    for key, item in value.items():
        yield f"key {_long(key)}" if isinstance(key, int) else f"key {escape(key)}"
        yield from encode(item)


def _encode_plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"bool {int(value)}"
    if isinstance(value, int):
        return f"long {_long(value)}"
    if isinstance(value, float):
        return f"double {struct.pack('>d', value).hex()}"
    if isinstance(value, str):
        return f"string {escape(value)}"
    raise WireError(f"the Java API has no values of type {type(value).__name__}")


def _long(value: int) -> int:
    if value not in _LONG:
        raise WireError(f"{value} does not fit into 64 bits")
    return value


class Decoder:
    """Reads values from lines that nobody vouches for; ``take`` gives the words of the next line."""

    def __init__(self, take: Callable[[], list[str]], data_bytes: int) -> None:
        self._take = take
        self._data_bytes = data_bytes
        self._parts = 0

    def value(self, depth: int = 0) -> Value:
        """One value.

        Raises:
            WireError: the lines are not those of a value, or it is too large.
        """
        self._parts += 1
        if self._parts > MAX_PARTS or depth > MAX_DEPTH:
            raise WireError("an output is too large, or nested too deeply")
        match self._take():
            case ["tuple", count]:
                return tuple(self.value(depth + 1) for _ in range(_count(count)))
            case ["list", count]:
                return [self.value(depth + 1) for _ in range(_count(count))]
            case ["dict", "string", count]:
                return {unescape(self._key()): self.value(depth + 1) for _ in range(_count(count))}
            case ["dict", "long", count]:
                return {integer(self._key()): self.value(depth + 1) for _ in range(_count(count))}
            case ["tensor", dtype, memory_format, offset, size, *shape]:
                numbers = (integer(offset), integer(size), *map(integer, shape))
                return self._tensor(dtype, memory_format, numbers)
            case words:
                return _plain(words)

    def _key(self) -> str:
        words = self._take()
        if len(words) != 2 or words[0] != "key":
            raise WireError("a dictionary lacks a key")
        return words[1]

    def _tensor(self, dtype: str, memory_format: str, numbers: tuple[int, ...]) -> TensorAt:
        offset, size, *shape = numbers
        if dtype not in DTYPES or memory_format not in FORMATS or len(shape) > MAX_DIMENSIONS or min(numbers) < 0:
            raise WireError(f"no tensor: {dtype} {memory_format} {numbers[:10]}")
        if size != size_of(dtype, shape) or offset % ALIGNMENT or (size and offset + size > self._data_bytes):
            raise WireError("a tensor's bytes are not where its line says")
        return TensorAt(dtype, tuple(shape), offset, size, FORMATS[memory_format])


def _plain(words: list[str]) -> Plain:
    match words:
        case ["none"]:
            return None
        case ["bool", ("0" | "1") as bit]:
            return bit == "1"
        case ["long", number]:
            return integer(number)
        case ["double", bits] if re.fullmatch("[0-9a-f]{1,16}", bits):
            return float(struct.unpack(">d", bytes.fromhex(bits.zfill(16)))[0])
        case ["string", text]:
            return unescape(text)
    raise WireError(f"an unknown value: {' '.join(words)[:100]!r}")


def integer(word: str) -> int:
    """A number of at most 64 bits.

    Raises:
        WireError: it is none.
    """
    if not re.fullmatch("-?[0-9]{1,19}", word):
        raise WireError(f"no number: {word[:100]!r}")
    return _long(int(word))


def _count(word: str) -> int:
    count = integer(word)
    if not 0 <= count <= MAX_PARTS:
        raise WireError(f"an impossible number of parts: {count}")
    return count


def escape(text: str) -> str:
    """Text as one word.

    Raises:
        WireError: UTF-8 cannot express it.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise WireError(f"not a text that UTF-8 can express: {text[:100]!r}") from error
    return "=" + "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in data)


def unescape(word: str) -> str:
    """The text of a word.

    Raises:
        WireError: it is no text.
    """
    if not word.startswith("=") or not word.isascii():
        raise WireError(f"no text: {word[:100]!r}")
    data = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), word[1:].encode("ascii"))
    return data.decode("utf-8", "replace")


def size_of(dtype: str, shape: Sequence[int]) -> int:
    """How many bytes a tensor has."""
    return math.prod(shape) * DTYPES[dtype]
