"""Mutants of a piece of code: one small change each, over its syntax tree.

What is changed: arithmetic and comparison operators, numbers and truth values, `and`/`or`, the
sign, whole statements (dropped), keyword arguments (dropped), `x.name()` into its neighbour
(`sum` to `mean`, `argmax` to `argmin`, ...), conditions (negated), and the ends of ranges.
"""

import ast
import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_OPERATORS: dict[type, Any] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_NEIGHBOURS = {
    "sum": "mean", "mean": "sum", "argmax": "argmin", "argmin": "argmax", "max": "min", "min": "max",
    "amax": "amin", "amin": "amax", "train": "eval", "eval": "train", "exp": "log", "log": "exp",
    "cos": "sin", "sin": "cos", "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like", "sqrt": "square",
}  # fmt: skip


class Mutant(NamedTuple):
    """A changed source, the line before and after the change, and the number of that line, counted from 1."""

    source: str
    difference: str
    line: int


def mutants(source: str) -> Iterator[Mutant]:
    """Yield the mutants of a source, each once.

    Raises:
        SyntaxError: the source is not Python.

    >>> [(mutant.difference, mutant.line) for mutant in mutants("# half\\ny = x / 2")][:2]
    [('y = x / 2  =>  pass', 2), ('y = x / 2  =>  y = x * 2', 2)]
    """
    tree = ast.parse(source)
    original = ast.unparse(tree)
    seen = {original}
    for changed, line in _changed(tree):
        try:
            text = ast.unparse(ast.fix_missing_locations(changed))
            compile(text, "<mutant>", "exec")
        except (SyntaxError, ValueError):
            continue
        if text not in seen:
            seen.add(text)
            yield Mutant(text, _difference(original, text), line)


def _changed(tree: ast.Module) -> Iterator[tuple[ast.Module, int]]:
    for position, node in enumerate(ast.walk(tree)):
        for change, line in _changes(node):
            twin = copy.deepcopy(tree)
            target = next(n for p, n in enumerate(ast.walk(twin)) if p == position)
            change(target)
            yield twin, line


def _changes(node: Any) -> Iterator[tuple[Callable[[Any], Any], int]]:
    """The changes of one node, each with the number of its line."""
    line = getattr(node, "lineno", 1)
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in _OPERATORS:
        yield lambda n: setattr(n, "op", _OPERATORS[type(n.op)]()), line
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
        yield lambda n: n.ops.__setitem__(0, _OPERATORS[type(n.ops[0])]()), line
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        yield lambda n: setattr(n, "op", ast.UAdd()) if isinstance(n.op, ast.USub) else _unwrap(n), line
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda n: setattr(n, "value", not n.value), line
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield lambda n: setattr(n, "value", n.value + 1), line
        yield lambda n: setattr(n, "value", n.value - 1), line
    if isinstance(node, ast.Attribute) and node.attr in _NEIGHBOURS:
        yield lambda n: setattr(n, "attr", _NEIGHBOURS[n.attr]), line
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test)), line
    for number, keyword in enumerate(node.keywords if isinstance(node, ast.Call) else []):
        yield functools.partial(_drop_keyword, number), keyword.value.lineno
    for name in ("body", "orelse"):
        statements = getattr(node, name, None)
        for number, statement in enumerate(statements if isinstance(statements, list) else []):
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)) and not (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            ):
                yield functools.partial(_drop_statement, name, number), statement.lineno


def _drop_keyword(number: int, node: Any) -> None:
    node.keywords.pop(number)


def _drop_statement(field: str, number: int, node: Any) -> None:
    getattr(node, field)[number] = ast.Pass()


def _unwrap(node: Any) -> None:
    """`not x` becomes `not not x`, `~x` becomes `~~x`: the value itself, one way or another."""
    node.operand = ast.UnaryOp(type(node.op)(), node.operand)


def _difference(before: str, after: str) -> str:
    a, b = before.splitlines(), after.splitlines()
    number = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"{a[number].strip() if number < len(a) else ''}  =>  {b[number].strip() if number < len(b) else ''}"
