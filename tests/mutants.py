"""Mutants of a piece of code: one small change each, over its syntax tree.

What is changed: arithmetic and comparison operators, numbers and truth values, `and`/`or`, the
sign, whole statements (dropped), keyword arguments (dropped), `x.name()` into its neighbour
(`sum` to `mean`, `argmax` to `argmin`, ...), conditions (negated), and the ends of ranges.
"""

import ast
import copy
from collections.abc import Iterator

_OPERATORS = {
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


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Pairs of the changed source and the line in which it differs, each once."""
    tree = ast.parse(source)
    original = ast.unparse(tree)
    seen = {original}
    for changed in _changed(tree):
        try:
            text = ast.unparse(ast.fix_missing_locations(changed))
            compile(text, "<mutant>", "exec")
        except (SyntaxError, ValueError):
            continue
        if text not in seen:
            seen.add(text)
            yield text, _difference(original, text)


def _changed(tree: ast.Module) -> Iterator[ast.Module]:
    for position, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            twin = copy.deepcopy(tree)
            target = next(n for p, n in enumerate(ast.walk(twin)) if p == position)
            change(target)
            yield twin


def _changes(node: ast.AST) -> Iterator:
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in _OPERATORS:
        yield lambda n: setattr(n, "op", _OPERATORS[type(n.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS:
        yield lambda n: n.ops.__setitem__(0, _OPERATORS[type(n.ops[0])]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        yield lambda n: setattr(n, "op", ast.UAdd()) if isinstance(n.op, ast.USub) else _unwrap(n)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield lambda n: setattr(n, "value", n.value + 1)
        yield lambda n: setattr(n, "value", n.value - 1)
    if isinstance(node, ast.Attribute) and node.attr in _NEIGHBOURS:
        yield lambda n: setattr(n, "attr", _NEIGHBOURS[n.attr])
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
    for number in range(len(getattr(node, "keywords", []))):
        if isinstance(node, ast.Call):
            yield lambda n, k=number: n.keywords.pop(k)
    for name in ("body", "orelse"):
        statements = getattr(node, name, None)
        if isinstance(statements, list):
            for number, statement in enumerate(statements):
                if not isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)) and not (
                    isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                ):
                    yield lambda n, f=name, k=number: getattr(n, f).__setitem__(k, ast.Pass())


def _unwrap(node: ast.UnaryOp) -> None:
    """`not x` becomes `not not x`, `~x` becomes `~~x`: the value itself, one way or another."""
    node.operand = ast.UnaryOp(type(node.op)(), node.operand)


def _difference(before: str, after: str) -> str:
    a, b = before.splitlines(), after.splitlines()
    number = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"{a[number].strip() if number < len(a) else ''}  =>  {b[number].strip() if number < len(b) else ''}"
