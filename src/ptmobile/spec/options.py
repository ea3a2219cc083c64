"""The options of a run, derived from the types of the specification: names, kinds, defaults, descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from ptmobile.spec.conversion import NUMBERS_TOO, RUN_OPTIONS, ConversionSpec, RunSpec
from ptmobile.spec.limits import allowed_values
from ptmobile.spec.publishing import INPUT_ONLY, PublishingSpec

Kind = Literal["text", "boolean", "integer", "number", "choice", "names", "yaml"]


@dataclass(frozen=True)
class Option:
    """One option: an input of the action, a key of the config file, a ``--flag``."""

    name: str
    kind: Kind
    type: Any
    description: str
    default: Any
    choices: tuple[str, ...] = ()
    per_model: bool = True
    action_input: bool = True
    command_line: bool = True

    @property
    def field(self) -> str:
        """Name of the field in the specification."""
        return self.name.replace("-", "_")

    @property
    def numbers_too(self) -> bool:
        """Whether it is a text that may also be given as a number."""
        info = msgspec.inspect.type_info(self.type)
        return isinstance(info, msgspec.inspect.Metadata) and bool((info.extra or {}).get(NUMBERS_TOO))

    @property
    def allowed(self) -> str:
        """Which values it takes, in words."""
        return allowed_values(self.kind, self.type, self.choices)

    @property
    def default_text(self) -> str:
        """The default as a person would write it; empty where there is none."""
        if self.default is None or self.default in ((), {}, ""):
            return ""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, tuple):
            return ", ".join(map(str, self.default))
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)


def _kind(name: str, info: msgspec.inspect.Type) -> tuple[Kind, tuple[str, ...]]:
    inner = info.type if isinstance(info, msgspec.inspect.Metadata) else info
    if isinstance(inner, msgspec.inspect.UnionType):
        members = [t for t in inner.types if not isinstance(t, msgspec.inspect.NoneType)]
        if len(members) > 1:
            return "yaml", ()
        inner = members[0]
    if isinstance(inner, msgspec.inspect.LiteralType):
        return "choice", tuple(str(v) for v in inner.values)
    if isinstance(inner, msgspec.inspect.VarTupleType):
        item = inner.item_type
        if isinstance(item, msgspec.inspect.LiteralType):
            return "names", tuple(str(v) for v in item.values)
        return ("yaml" if isinstance(item, msgspec.inspect.StructType) else "names"), ()
    plain: dict[type, Kind] = {
        msgspec.inspect.BoolType: "boolean",
        msgspec.inspect.IntType: "integer",
        msgspec.inspect.FloatType: "number",
        msgspec.inspect.StrType: "text",
    }
    try:
        return plain[type(inner)], ()
    except KeyError:
        raise TypeError(f"option {name} has a type without a reader: {info}") from None


def _description(info: msgspec.inspect.Type) -> str:
    if isinstance(info, msgspec.inspect.Metadata) and info.extra_json_schema:
        return str(info.extra_json_schema.get("description", ""))
    return ""


def _declared_choices(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal in the order in which they are declared (msgspec sorts them)."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    for argument in get_args(annotation):
        if found := _declared_choices(argument):
            return found
    return ()


def _options_of(struct: type[msgspec.Struct], *, per_model: bool) -> list[Option]:
    info = msgspec.inspect.type_info(struct)
    if not isinstance(info, msgspec.inspect.StructType):
        raise TypeError(f"{struct} is not a struct")
    hints = get_type_hints(struct, include_extras=True)
    options = []
    for field in info.fields:
        if struct is RunSpec and field.name not in RUN_OPTIONS:
            continue
        kind, choices = _kind(field.name, field.type)
        default = field.default if field.default is not msgspec.NODEFAULT else None
        options.append(
            Option(
                name=field.encode_name,
                kind=kind,
                type=hints[field.name],
                description=_description(field.type),
                default=default,
                choices=_declared_choices(hints[field.name]) if choices else (),
                per_model=per_model,
                action_input=field.name != "report_dir",
                command_line=field.encode_name not in INPUT_ONLY,
            )
        )
    return options


def all_options() -> dict[str, Option]:
    """Every option by its kebab-case name, in the order in which help and documentation show them."""
    run, model = _options_of(RunSpec, per_model=False), _options_of(ConversionSpec, per_model=True)
    publishing = _options_of(PublishingSpec, per_model=False)
    return {option.name: option for option in [*run[:1], *model, *run[1:], *publishing]}
