# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Markdown tables, and the documented fields of a class."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Field(NamedTuple):
    """One documented field of a class."""

    name: str
    kind: str
    default: str
    """As it is written in YAML; empty if the field is required."""
    text: str


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; equal rows are written once."""
    escaped = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    lines = [tuple(head), ("---",) * len(head), *dict.fromkeys(escaped)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown on one line."""
    return " ".join((docstring or "").replace("``", "`").split())


def first_line(docstring: str | None) -> str:
    """Return the summary line of a docstring as Markdown."""
    return prose((docstring or "").strip().partition("\n\n")[0])


def fields(cls: type) -> list[Field]:
    """Return the annotated fields that the source of ``cls`` declares, each with the docstring below it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    result = []
    for statement, below in zip(definition.body, [*definition.body[1:], ast.Pass()]):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name, kind = statement.target.id, ast.unparse(statement.annotation)
            if not name.startswith("_") and not kind.startswith("ClassVar"):
                result.append(Field(name, kind, _default(statement.value), _text(below)))
    return result


def _text(statement: ast.stmt) -> str:
    """Return the docstring that a statement is, if it is one."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return prose(str(statement.value.value))
    return ""


def _default(value: ast.expr | None) -> str:
    """Return a default as it is written in YAML."""
    if value is None:
        return ""
    if isinstance(value, ast.Call):
        made = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords}
        return {"dict": "{}", "list": "[]", "tuple": "[]"}.get(made.get("default_factory", ""), made.get("default", ""))
    if isinstance(value, ast.Constant) and value.value is None:
        return "none"
    text = ast.unparse(value)
    return {"True": "true", "False": "false", "''": '""', "()": "[]"}.get(text, text.replace("'", '"'))
