"""Models whose outputs no file can have as they are, or that take lists."""

from collections import OrderedDict, UserDict
from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn


class Base(nn.Module):
    """A little to compute, so that there is something to optimise."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(4, 3)
        self.neck = nn.Linear(4, 4)


# --- without TorchScript: only a trace is possible -------------------------------------------------------------------


class Color(Enum):
    RED = 1


@dataclass
class Result:
    logits: Tensor
    aux: Any = None
    hidden: Tuple[Tensor, ...] = ()
    size: Tuple[int, int] = (3, 4)
    color: Color = Color.RED


class Dataclass(Base):
    def forward(self, x):
        return Result(self.head(x), None, (self.neck(x), x * 2))


@dataclass
class Scores:
    best: Tensor
    second: Tensor
    third: Optional[Tensor] = None


class DataclassOfTensors(Base):
    def forward(self, x):
        return Scores(self.head(x), self.neck(x))


class ModelOutput(OrderedDict):
    """In the manner of transformers: keys and attributes, and None for what was not asked for is no key."""

    def __init__(self, **values):
        super().__init__({key: value for key, value in values.items() if value is not None})

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to_tuple(self):
        return tuple(self.values())


class TransformersLike(Base):
    def forward(self, x):
        return ModelOutput(logits=self.head(x), loss=None, hidden_states=(x, self.neck(x)))


class KeysAndItems:
    """No Mapping, but it has what one reads a mapping by."""

    def __init__(self, values):
        self._values = values

    def keys(self):
        return self._values.keys()

    def __getitem__(self, key):
        return self._values[key]

    def to_tuple(self):
        return tuple(self._values.values())


class Keyed(Base):
    def forward(self, x):
        return KeysAndItems({"a": self.head(x), "b": self.neck(x)})


class Instances:
    """In the manner of detectron2: everything is in private fields."""

    def __init__(self, size, **fields):
        self._image_size = size
        self._fields = fields

    @property
    def broken(self):
        raise RuntimeError("nobody asked for this")


class Boxes:
    def __init__(self, tensor):
        self.tensor = tensor


class PrivateFields(Base):
    def forward(self, x):
        return Instances((3, 4), pred_boxes=Boxes(self.neck(x)), scores=self.head(x))


class Slotted:
    __slots__ = ("empty", "label", "values")

    def __init__(self, values):
        self.values = values
        self.label = "label"


class InSlots(Base):
    def forward(self, x):
        return [Slotted(self.head(x)), Slotted(self.neck(x))]


class Mixed(Base):
    def forward(self, x):
        wrapped = UserDict({"inner": Boxes(self.neck(x)), "none": None, 7: [x, None]})
        return {"list": [{"a": self.head(x)}, {"a": x}], "deep": (wrapped, {1: x, 2: x * 2}), "text": "lab\"el'\n", "n": -3}


class MixedList(Base):
    def forward(self, x):
        return [self.head(x), (x, x * 2), 1.5, True, None]


class Empty(Base):
    def forward(self, x):
        return self.head(x), [], {}, (), [[x], []], {"é€字": x, "none": None}


class OddKeys(Base):
    def forward(self, x):
        return {(1, 2): self.head(x), Color.RED: self.neck(x)}


class ThousandLeaves(Base):
    def forward(self, x):
        y = self.head(x)
        return {f"k{n}": [y + n, {"i": y * n}] for n in range(500)}


class CountsRows(Base):
    """A number that depends on the shape, which a trace writes down."""

    def forward(self, x):
        return {"values": self.head(x), "rows": x.shape[0]}


# --- hostile ---------------------------------------------------------------------------------------------------------


class Endless(Base):
    def forward(self, x):
        found = [x]
        found.append(found)
        return found


class EndlessObject(Base):
    def forward(self, x):
        box = Boxes(x)
        box.box = box
        return box


class Raising(dict):
    def items(self):
        raise ValueError("no items today")


class RaisesWhenRead(Base):
    def forward(self, x):
        return Raising(a=x)


class Infinite(dict):
    def items(self):
        n = 0
        while True:
            yield n, None
            n += 1


class EndlessItems(Base):
    def forward(self, x):
        return Infinite()


class Nothing(Base):
    def forward(self, x):
        return Instances((1, 2), name="nothing")


class OtherwiseWhenTraced(Base):
    def forward(self, x):
        found = {"a": self.head(x), "b": self.neck(x)}
        if torch.jit.is_tracing():
            found["c"] = x
        return found


class OtherKeysLater(Base):
    """The keys depend on the values of the input."""

    def forward(self, x):
        return {"positive" if x.sum() > 0 else "negative": self.head(x)}


# --- with TorchScript ------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    first: Tensor
    second: Optional[Tensor]


class NamedTuples(Base):
    """Named tuples in containers, out of branches and methods; optional ones."""

    def pair(self, x: Tensor) -> Pair:
        return Pair(self.head(x), None)

    def forward(self, x: Tensor) -> Tuple[List[Pair], Dict[str, Pair], Optional[Pair], Optional[Pair], Pair]:
        one = self.pair(x)
        kept: Optional[Pair] = None
        if bool(x.sum() > 0):
            two = Pair(one.first * 2, x)
            kept = two
        else:
            two = Pair(one.first, one.first)
            kept = one
        return [one, two], {"k": two}, kept, None, one


class InternalNamedTuple(Base):
    """It returns a tensor; what breaks the lite interpreter is inside."""

    def split(self, x: Tensor) -> Pair:
        if bool(x.sum() > 0):
            return Pair(self.head(x), x)
        return Pair(self.head(x) * 2, None)

    def forward(self, x: Tensor) -> Tensor:
        pair = self.split(x)
        second = pair.second
        if second is not None:
            return pair.first + second.sum()
        return pair.first


@torch.jit.script
class Box:
    def __init__(self, values: Tensor, score: Optional[Tensor]):
        self.values = values
        self.score = score

    def scaled(self, by: float) -> Tensor:
        return self.values * by


class ScriptObject(Base):
    """Scripted, it returns an object of a TorchScript class."""

    def forward(self, x: Tensor) -> Box:
        return Box(self.head(x), self.neck(x))


class UsesObjects(Base):
    """Objects in lists, branches and from one run to the next; what it returns is plain."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Optional[Box] = None

    __annotations__ = {"last": Optional[Box]}

    def forward(self, x: Tensor) -> Tensor:
        boxes = [Box(x * n, None) for n in range(3)]
        last = self.last
        if last is None:
            last = Box(self.neck(x), x)
            self.last = Box(torch.ones_like(x), None)
        kept = last if bool(x.sum() > 0) else boxes[1]
        total = torch.zeros_like(x)
        for box in boxes:
            total = total + box.scaled(0.5)
        score = kept.score
        return total + kept.values + (score if score is not None else x)


@torch.jit.script
class Changing:
    def __init__(self, values: Tensor):
        self.values = values

    def add(self, other: Tensor) -> None:
        self.values = self.values + other


class ChangesObjects(Base):
    """What an object that changes does, no tuple can do."""

    def forward(self, x: Tensor) -> Tensor:
        state = Changing(self.neck(x))
        for _ in range(3):
            state.add(x)
        return state.values


class ChangesLater(Base):
    """An object that comes out of a branch, and is changed then."""

    def forward(self, x: Tensor) -> Tensor:
        one = Changing(self.neck(x))
        two = Changing(x)
        chosen = one if bool(x.sum() > 0) else two
        chosen.values = chosen.values + x
        return one.values + two.values


class AsksForClass(Base):
    """Whether a value is an object is asked at run time."""

    def forward(self, x: Tensor) -> Tensor:
        found: Any = x
        if bool(x.sum() > 0):
            found = Box(x, None)
        if isinstance(found, Box):
            return found.values
        return self.neck(x)


class KeepsFromTheFirstRun(Base):
    """What the eager run left is in the file, and read in several places."""

    __annotations__ = {"kept": Optional[Box], "none": Optional[Box]}

    def __init__(self) -> None:
        super().__init__()
        self.kept: Optional[Box] = None
        self.none: Optional[Box] = None

    def forward(self, x: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = Box(torch.full([4], 7.0), None)
        kept = self.kept
        again = self.kept
        total = x
        if kept is not None and again is not None:
            total = total + kept.values + again.values
        self.none = Box(x, None)
        return self.neck(total)


@torch.jit.script
class Empty0:
    def __init__(self) -> None:
        pass


class EmptyObjects(Base):
    def forward(self, x: Tensor) -> Tensor:
        found = [Empty0(), Empty0()]
        return self.neck(x) + len(found)


class KeepsNamedTuple(Base):
    """A named tuple from one run to the next, there from the start."""

    __annotations__ = {"last": Pair}

    def __init__(self) -> None:
        super().__init__()
        self.last = Pair(torch.ones(4), None)

    def forward(self, x: Tensor) -> Tensor:
        last = self.last
        self.last = Pair(torch.ones(4), None)
        return self.neck(x) + last.first


class NamedTupleAndMethods(Base):
    def forward(self, x: Tensor) -> Pair:
        return Pair(self.head(x), x)

    @torch.jit.export
    def labels(self) -> List[str]:
        return ["cat", "dog"]

    @torch.jit.export
    def scaled(self, x: Tensor, by: float = 2.0) -> Tensor:
        return x * by


class MoreWhenScripted(Base):
    """As torchvision's detection models: the losses too."""

    def forward(self, images: List[Tensor]):
        found: List[Dict[str, Tensor]] = []
        for image in images:
            found.append({"logits": self.head(image), "doubled": image * 2})
        losses: Dict[str, Tensor] = {}
        if torch.jit.is_scripting():
            return losses, found
        return found


class Flows(Base):
    """As RAFT: a list of tensors."""

    def forward(self, x: Tensor, other: List[Tensor]) -> List[Tensor]:
        return [self.head(x) + y.sum() for y in other]


class PairsToDict(Base):
    """``dict`` of pairs, which the lite interpreter cannot make."""

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        pairs = [(str(n), self.head(x) + n) for n in range(3)]
        box = Box(x, None)
        made = dict(pairs)
        made["box"] = box.values
        return made

