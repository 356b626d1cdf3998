# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Schema validation: make data classes of YAML, JSON and options, checked by pydantic.

Errors name value, limit, remedy and line.

The fields of a data class are its schema: their types, and limits such as ``Annotated[int, Field(ge=1)]``. Numbers,
strings and truth values are not converted into each other. A data class calls ``check`` in its ``__post_init__`` so
that the limits hold for instances that were made in Python, too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, ConfigDict, Strict, TypeAdapter, ValidationError, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import NotRequired, Required, TypedDict

from il_ros.core import aliases
from il_ros.core.errors import ConfigError, unknown

Location = tuple[str | int, ...]

EXPECTED = {
    "float_type": "a number",
    "finite_number": "a finite number",
    **dict.fromkeys(("int_type", "int_from_float"), "a whole number"),
    "bool_type": "true or false",
    "string_type": "a string",
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("too_long", "too_short", "missing_positional"), "a list of another length"),
    **dict.fromkeys(("dict_type", "mapping_type"), "a mapping"),
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "above {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "below {lt:g}",
    "literal_error": "{expected}",
}
"""What a value must be, by the type of pydantic's error."""


def build(cls: Any, where: str, data: Mapping[str, Any]) -> Any:
    """Return an instance of the data class ``cls`` made of a mapping, with keys, types and limits checked.

    Keys that had another name in an earlier version are accepted; see ``il_ros.core.aliases``.

    Raises:
        ConfigError: for an unknown or missing key, or a value of the wrong type or outside its limits.
    """
    try:
        return _adapter(cls).validate_python(dict(data) if isinstance(data, Mapping) else data)
    except ValidationError as error:
        raise _explained(where, error.errors()[0], data) from error


def check(instance: Any, where: str) -> None:
    """Check types and limits of the fields of a data class.

    Raises:
        ConfigError: naming the field that is wrong.
    """
    kind: Any = type(instance)
    values = {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance) if field.init}
    try:
        _fields(kind).validate_python(values)
    except ValidationError as error:
        raise _explained(where, error.errors()[0], values) from error


@functools.cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_annotation(cls))


@functools.cache
def _fields(cls: Any) -> TypeAdapter[dict[str, Any]]:
    """Return the fields of a data class as a schema of their own."""
    hints = typing.get_type_hints(cls, include_extras=True)
    is_required = {f.name: f.default is f.default_factory is dataclasses.MISSING for f in dataclasses.fields(cls)}
    keys = {
        field.name: (Required if is_required[field.name] else NotRequired)[_annotation(hints[field.name])]
        for field in dataclasses.fields(cls)
        if field.init
    }
    make: Any = TypedDict  # with keys that are known only now, which type checkers refuse
    schema = make(cls.__name__, keys)
    schema.__pydantic_config__ = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
    return TypeAdapter(schema)


def _annotation(hint: Any) -> Any:
    """Return the annotation by which pydantic reads plain data: mappings for data classes, lists for tuples."""
    if dataclasses.is_dataclass(hint):
        return Annotated[Any, WrapValidator(_reader(hint))]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        parts = (_annotation(arguments[0]), *arguments[1:])
        return Annotated[parts]
    if origin is tuple:
        checked: Any = Annotated[tuple[tuple(map(_annotation, arguments))], Strict(False)]  # type: ignore[misc]
        is_of_any_size = arguments[-1:] == (...,)
        return checked if is_of_any_size else Annotated[checked, BeforeValidator(functools.partial(_sized, arguments))]
    if origin in (types.UnionType, typing.Union):
        return typing.Union[tuple(map(_annotation, arguments))]  # noqa: UP007
    if arguments and isinstance(origin, type) and issubclass(origin, Mapping):
        return origin[tuple(map(_annotation, arguments))]  # type: ignore[index]
    return hint


def _sized(kinds: Sequence[Any], value: Any) -> Any:
    """Return a list that has an element for each of ``kinds``."""
    if not isinstance(value, list | tuple) or len(value) != len(kinds):
        elements = "numbers" if set(kinds) <= {int, float} else "elements"
        raise ValueError(f"it must be a list of {len(kinds)} {elements}")
    return value


def _reader(cls: Any) -> Callable[[Any, Any], Any]:
    """Return a validator that makes an instance of ``cls`` of a mapping."""
    names = tuple(field.name for field in dataclasses.fields(cls) if field.init)

    def read(value: Any, _: Any) -> Any:
        if isinstance(value, cls):
            return value
        try:
            check_keys("", value, names)
            values = _fields(cls).validate_python(aliases.renamed(value, names))
        except ConfigError as error:
            raise PydanticCustomError("key", "a key", {"error": error}) from error
        try:
            return cls(**values)
        except ConfigError as error:
            raise PydanticCustomError("instance", "an instance", {"error": error}) from error

    return read


def check_keys(where: str, data: Any, names: Collection[str]) -> None:
    """Refuse what is no mapping, or has a key that is none of ``names``.

    Raises:
        ConfigError: naming the key and the keys that there may be.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where} {data!r} is no mapping; it must be a mapping of {', '.join(names)}".lstrip())
    for key in data:
        if aliases.current(str(key), names) not in names:
            raise unknown(f"{where}: key".lstrip(": "), str(key), names, at=(key,))


def _explained(where: str, error: ErrorDetails, data: Any) -> ConfigError:
    """Return the error of pydantic in the words of this package."""
    location, context = _within(error["loc"], data), error.get("ctx", {})
    name, value = ".".join(map(str, location)), error["input"]
    if error["type"] in ("key", "instance"):
        cause: ConfigError = context["error"]
        is_whole = error["type"] == "instance" and not location  # its text says of what it speaks
        prefix = "" if is_whole else f"{where}: {name}: " if name else f"{where}: "
        return ConfigError(f"{prefix}{cause}", at=(*location, *cause.at))
    if error["type"] == "missing":
        *parent, key = error["loc"]
        of = ": ".join([where, ".".join(map(str, parent))] if parent else [where])
        return ConfigError(f"{of} lacks the key {key!r}; add it", at=tuple(parent))
    if error["type"] == "value_error":
        return ConfigError(f"{where}: {name} is {value!r}; {context['error']}", at=location)
    expected = EXPECTED.get(error["type"])
    remedy = f"it must be {expected.format(**context)}" if expected else error["msg"]
    return ConfigError(f"{where}: {name} is {value!r}; {remedy}", at=location)


def _within(location: Location, data: Any) -> Location:
    """Return the part of pydantic's location that leads into ``data``: without the names of types in a union."""
    path: list[str | int] = []
    for part in location:
        if isinstance(data, Mapping):
            key = next((key for key in data if key == part or aliases.ALIASES.get(key) == part), None)
            if key is None:
                break
            data = data[key]
        elif isinstance(data, list | tuple) and isinstance(part, int):
            data = data[part]
        else:
            break
        path.append(part)
    return tuple(path)


def json_object(where: str, text: str) -> dict[str, Any]:
    """Return the options that ``text`` holds, an object in JSON.

    Raises:
        ConfigError: if it is anything else.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{where} is {text!r}, not JSON ({error}); write an object") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{where} is {text!r}; it must be a JSON object such as {{}}")
    return data


class _UniqueKeysLoader(yaml.SafeLoader):
    """Refuse a key that stands twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file whose top level is a mapping.

    Raises:
        ConfigError: if it cannot be read, with the line that is wrong.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeysLoader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check the path and its permissions") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise ConfigError(f"{path}{line} is not YAML: {error.problem or error}; correct that line") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}; correct that line") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds {type(data).__name__} at its top level; it must be a mapping of keys")
    return data


@contextlib.contextmanager
def located(path: Path, changed: Collection[str] = ()) -> Iterator[None]:
    """Add file and line to a ``ConfigError`` about the content of a YAML file.

    The line is that of the key at which the error is (``error.at``), or of the last one above it that is in the file.
    An error about a key that was ``changed`` after the file was read is left as it is.
    """
    try:
        yield
    except ConfigError as error:
        if str(error).startswith(str(path)) or error.at[:1] in [(name,) for name in changed]:
            raise
        raise ConfigError(f"{path}:{_line(path, error.at)}: {error}", at=error.at) from error


def _line(path: Path, location: Location) -> int:
    """Return the line of the key at ``location``, from the marks of YAML's nodes."""
    node, line = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader), 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pairs = [(k, v) for k, v in node.value if part in (k.value, aliases.ALIASES.get(k.value))]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
