"""Reads `--where`: a condition on the columns of meta/samples.parquet, in Python's words for comparing.

    task == 'tom' and mark_overlap < 0.1 and source in ('a', 'b') and not camera_moved

The text is parsed, never run: names, texts, numbers, comparisons, `in`, `and`, `or`, `not` and brackets are
known, and nothing else.
"""

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from somtom.pipelines.config_rules import ConfigError
from somtom.schemas.sample_rows import SAMPLE_COLUMNS

if TYPE_CHECKING:
    from pyarrow.compute import Expression

MAX_LETTERS = 10_000
_SCORE = "quality_"
_WORDS = {"true": True, "false": False}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}
_SWAPPED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


def column_names() -> dict[str, str]:
    """Every name a condition may use -> the column; scores also without `quality_`, `dataset` as `source`."""
    short = {name.removeprefix(_SCORE): name for name in SAMPLE_COLUMNS if name.startswith(_SCORE)}
    return {"source": "dataset", **short, **{name: name for name in SAMPLE_COLUMNS}}


def parse_where(text: str) -> "Expression":
    """Turn the condition into an Arrow expression.

    Raises:
        ConfigError: in one line, what is wrong and the nearest right thing.
    """
    if len(text) > MAX_LETTERS:
        raise ConfigError(f"--where: {len(text)} letters are too many (at most {MAX_LETTERS})")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        found: Expression = _condition(tree.body, text)
        return found
    except SyntaxError as error:
        raise _wrong(text, f"cannot be read: {error.msg}") from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise _wrong(text, f"cannot be read: {error or 'nested too deeply'}") from error


@dataclass(frozen=True)
class _Column:
    name: str

    @property
    def kind(self) -> str:
        return SAMPLE_COLUMNS[self.name]

    def field(self) -> Any:
        import pyarrow.compute

        return pyarrow.compute.field(self.name)


def _condition(node: ast.expr, text: str) -> Any:
    match node:
        case ast.BoolOp(op=op, values=values):
            first, *rest = (_condition(one, text) for one in values)
            for one in rest:
                first = first & one if isinstance(op, ast.And) else first | one
            return first
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ~_condition(operand, text)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            parts = [_compare(sides[i], op, sides[i + 1], text) for i, op in enumerate(ops)]
            first, *rest = parts
            for one in rest:
                first = first & one
            return first
        case ast.Name(id=name) if name not in _WORDS:
            column = _column(name, text)
            if column.kind != "bool":
                raise _wrong(text, f"{name} is {column.kind}: compare it with something")
            return column.field()
    raise _wrong(text, f"{ast.unparse(node)!r:.60} is no condition")


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr, text: str) -> Any:
    if isinstance(op, (ast.In, ast.NotIn)):
        return _is_in(left, op, right, text)
    if type(op) not in _COMPARE:
        raise _wrong(text, "compare with ==, !=, <, <=, >, >= or in")
    one, other = _side(left, text), _side(right, text)
    if isinstance(other, _Column) and not isinstance(one, _Column):
        one, other, operator = other, one, _SWAPPED.get(type(op), type(op))
    else:
        operator = type(op)
    if not isinstance(one, _Column) or isinstance(other, _Column):
        raise _wrong(
            text, f"{ast.unparse(left)} is to be compared with {ast.unparse(right)}: one column, one value"
        )
    if one.kind == "bool" and operator not in (ast.Eq, ast.NotEq):
        raise _wrong(text, f"{one.name} is true or false: it has no order")
    return _COMPARE[operator](one.field(), _fit(one, other, text))


def _is_in(left: ast.expr, op: ast.cmpop, right: ast.expr, text: str) -> Any:
    column = _side(left, text)
    if not isinstance(column, _Column) or not isinstance(right, (ast.Tuple, ast.List)):
        raise _wrong(text, "write `column in (value, value)`")
    found: Any = None
    for one in right.elts:
        value = _side(one, text)
        if isinstance(value, _Column):
            raise _wrong(text, f"{value.name} stands among the values: write texts in quotes")
        same = column.field() == _fit(column, value, text)
        found = same if found is None else found | same
    if found is None:
        raise _wrong(text, f"{column.name} in (): name at least one value")
    return found if isinstance(op, ast.In) else ~found


def _side(node: ast.expr, text: str) -> Any:
    match node:
        case ast.Name(id=name):
            return _WORDS[name] if name in _WORDS else _column(name, text)
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    raise _wrong(text, f"{ast.unparse(node)!r:.60} is neither a column nor a value")


def _column(name: str, text: str) -> _Column:
    names = column_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
        raise _wrong(text, f"there is no column {name}; did you mean {near}? (a text stands in quotes)")
    return _Column(names[name])


def _fit(column: _Column, value: Any, text: str) -> Any:
    """The value if the column can equal it."""
    if column.kind == "text":
        fits = isinstance(value, str)
    elif column.kind == "bool":
        fits = isinstance(value, bool)
    else:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**63
    if not fits:
        raise _wrong(text, f"{column.name} is {column.kind}, {value!r:.40} is not")
    return value


def _wrong(text: str, why: str) -> ConfigError:
    return ConfigError(f"--where {text!r:.120}: {why}")
