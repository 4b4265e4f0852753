"""Made-up classes: programs of people who do not know each other, planted copies, and rows of results."""

import ast
import random
import re

from grading_bank.command import CHECKS

from lecture_utils.grading.tasks import load_exercise

EXERCISE = load_exercise(CHECKS)

TERMS = ["x.mean({})", "torch.relu(x - {})", "x @ x.T", "x.reshape(-1, {})", "(x > {}).float()", "x.clamp(min={})"]
TERMS += ["torch.cat([x, x + {}])", "x[{}:, ::2]", "x.sum(dim={}, keepdim=True)", "torch.where(x < {}, x, -x)"]
LINES = ["x = {} {} {}", "if x.numel() > {}:\n    x = {} {} {}", "for i in range({}):\n    x = {} {} {}"]


def program(rng, name, lines=7):
    """A function that no other student writes by chance."""
    body = []
    for _ in range(lines):
        first, second = (rng.choice(TERMS).replace("{}", str(rng.randint(0, 99))) for _ in range(2))
        *before, _, _, _ = re.findall("{}", line := rng.choice(LINES))
        numbers = [rng.randint(0, 999) for _ in before]
        body += line.format(*numbers, first, rng.choice("+-*/"), second).splitlines()
    return "\n".join([f"def {name}(x):", *(f"    {line}" for line in body), "    return x"])


def renamed(source):
    """The same program with other names, comments and layout, as a copyist changes it."""
    changed = re.sub(r"\bx\b", "my_tensor", source).replace("def f", "# my own work\ndef solve_")
    return re.sub(r"\bi\b", "counter", changed).replace(" = ", "  =  ").replace("\n    return", "\n\n    return")


def answers(count, tasks=8, seed=0):
    """(student, {task: source}) of a class."""
    rng = random.Random(seed)
    return [
        (f"student {n:04}", {f"9.{t}": f"# Task 9.{t}\n{program(rng, f'f{t}')}" for t in range(1, tasks + 1)})
        for n in range(count)
    ]


def row_of(student, points=7, **more):
    """A student's line of ``results.jsonl``, with all tasks passed."""
    passed = {"status": "passed", "points": 1, "max_points": 1, "hint": "", "message": "", "case": ""}
    row = {"student": student, "exercise": "09", "points": points, "max_points": 7, "status": "graded", "seconds": 1.0}
    return row | {"tasks": {one.id: dict(passed) for one in EXERCISE.tasks}, "notes": []} | more


# What `restyled` writes in another way. Each student has these habits to a degree of their own.
_HABITS = ["function", "method", "axis", "positional", "view", "size", "square", "swap", "flip", "augment", "spell out"]
_HABITS += ["negate", "name result", "name parts", "inline", "loop", "print", "annotate", "one by one", "torch"]
_FLIPPED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
_METHODS = {"mean", "sum", "exp", "sigmoid", "tanh", "relu", "argmax", "max", "min", "std", "var", "stack", "cat"}
_METHODS |= {"matmul", "reshape", "flatten", "permute", "transpose", "unsqueeze", "squeeze", "clamp", "abs", "sqrt"}
_WORDS = "value total part batch item hidden state result first last left right pixel score weight step data count"
_WORDS += (
    " images labels outputs inputs mask index column row width height loss current previous update tmp res out arr"
)


def real_class(task_ids, count, seed, given=None):
    """(student, {task: source}) of a class that wrote answers from ``tests/answers``, each in a style of their own.

    Some answers are more usual than others, a quarter is wrong, a few are missing.

    Args:
        task_ids: such as ``["1.1", "1.2"]``.
        count: students.
        seed: of the class.
        given: {task: source} of answers that everyone could read; a tenth of the answers are made from these.
    """
    rng = random.Random(seed)
    known = {task: (_in_order(task, "right", rng), _in_order(task, "wrong", rng)) for task in task_ids}
    return [
        (f"student {n:04}", _written({task: _chosen(task, known, given, rng) for task in task_ids}, rng))
        for n in range(count)
    ]


def plant(group, kind, seed, number=6):
    """Let ``number`` students hand in another one's work in place of their own.

    Args:
        group: see :func:`real_class` and :func:`answers`; changed in place.
        kind: ``"renamed"`` (all names), ``"reordered"`` (lines that do not need each other, too), ``"restyled"``
            (rewritten in habits of their own, too), ``"half"`` (half of the tasks reordered) or ``"half restyled"``.
        seed: of the choice.

    Returns:
        The pairs of students as a set of frozensets.
    """
    rng = random.Random(seed)
    chosen = rng.sample(range(len(group)), 2 * number)
    for source, copyist in zip(chosen[::2], chosen[1::2], strict=True):
        tasks = sorted(task for task, code in group[source][1].items() if code)
        if kind.startswith("half"):
            tasks = rng.sample(tasks, (len(tasks) + 1) // 2)
        copied = {task: group[source][1][task] for task in tasks}
        if kind.endswith("restyled"):
            copied = _written(copied, rng)
        for task, code in copied.items():
            group[copyist][1][task] = _disguised(code, rng, reorder=kind != "renamed")
    return {frozenset((group[a][0], group[b][0])) for a, b in zip(chosen[::2], chosen[1::2], strict=True)}


def _in_order(task, kind, rng):
    """Answers of a kind with how usual they are in this class."""
    from test_checks import answers as known_answers

    found = [code for _, _, code in known_answers(task, kind)]
    rng.shuffle(found)
    return found, [1 / (n + 1) ** 1 for n in range(len(found))]


def _chosen(task, known, given, rng):
    dice = rng.random()
    if dice < 0.05:
        return ""
    if given and dice < 0.15:
        return given[task]
    codes, usual = known[task][dice > 0.75]
    return rng.choices(codes, usual)[0]


def _written(cells, rng):
    """The cells in the habits of one student."""
    often = {habit: rng.choice((0, 0.1, 0.3)) for habit in _HABITS}
    return {task: ast.unparse(_Writer(often, rng).visit(ast.parse(code))) for task, code in cells.items()}


class _Writer(ast.NodeTransformer):
    """Writes code in someone's habits; what it does stays about the same, which is enough to compare texts."""

    def __init__(self, often, rng):
        self.often, self.rng = often, rng

    def does(self, habit):
        return self.rng.random() < self.often[habit]

    def visit_Call(self, node):
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        owner = getattr(node.func, "value", None)
        if name in _METHODS and isinstance(owner, ast.Name) and owner.id == "torch":
            if node.args and not isinstance(node.args[0], ast.List) and self.does("method"):
                node.func.value, node.args = node.args[0], node.args[1:]
        elif name in _METHODS and self.does("function"):
            node.func, node.args = ast.parse(f"torch.{name}", mode="eval").body, [owner, *node.args]
        for keyword in node.keywords:
            if keyword.arg == "dim" and self.does("axis"):
                keyword.arg = "axis"
        if [one.arg for one in node.keywords] == ["dim"] and self.does("positional"):
            node.args, node.keywords = [*node.args, node.keywords[0].value], []
        if name in ("reshape", "view") and isinstance(node.func, ast.Attribute) and self.does("view"):
            node.func.attr = "view" if name == "reshape" else "reshape"
        return node

    def visit_Subscript(self, node):
        self.generic_visit(node)
        match node:
            case ast.Subscript(ast.Attribute(owner, "shape"), ast.Constant() | ast.UnaryOp()) if self.does("size"):
                return ast.Call(ast.Attribute(owner, "size", ast.Load()), [node.slice], [])
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow) and self.does("square"):
            if isinstance(node.left, ast.Name):
                return ast.BinOp(node.left, ast.Mult(), node.left)
            return ast.Call(ast.Attribute(node.left, "pow", ast.Load()), [node.right], [])
        if isinstance(node.op, ast.Add | ast.Mult) and self.does("swap"):
            node.left, node.right = node.right, node.left
        return node

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) == 1 and type(node.ops[0]) in _FLIPPED and self.does("flip"):
            return ast.Compare(node.comparators[0], [_FLIPPED[type(node.ops[0])]()], [node.left])
        return node

    def visit_If(self, node):
        self.generic_visit(node)
        if node.orelse and self.does("negate"):
            node.test, node.body, node.orelse = ast.UnaryOp(ast.Not(), node.test), node.orelse, node.body
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        for one in node.args.args:
            if one.annotation is None and one.arg != "self" and self.does("annotate"):
                one.annotation = ast.Name("torch.Tensor" if self.does("torch") else "Tensor")
        return node

    def generic_visit(self, node):
        super().generic_visit(node)
        for field in ("body", "orelse"):
            lines = getattr(node, field, None)
            if isinstance(lines, list) and not isinstance(node, ast.Module | ast.ClassDef) and lines:
                setattr(node, field, [new for line in self.inlined(lines) for new in self.rewritten(line)])
        return node

    def inlined(self, lines):
        """Lines with a name that only the next one needs put into it."""
        kept = list(lines)
        for n in reversed(range(len(kept) - 1)):
            match kept[n]:
                case ast.Assign([ast.Name(name)], value):
                    uses, here = (
                        [one for line in some for one in ast.walk(line) if isinstance(one, ast.Name) and one.id == name]
                        for some in (kept[n + 1 :], kept[n + 1 : n + 2])
                    )
                    once = len(uses) == len(here) == 1 and isinstance(here[0].ctx, ast.Load)
                    if once and self.does("inline"):
                        kept[n : n + 2] = [_Replaced(here[0], value).visit(kept[n + 1])]
        return kept

    def rewritten(self, line):
        """The lines that stand for one."""
        match line:
            case ast.AugAssign(target, op, value) if self.does("spell out"):
                same = ast.parse(ast.unparse(target), mode="eval").body
                line = ast.Assign([target], ast.BinOp(same, op, value), lineno=0)
            case ast.Assign([target], ast.BinOp(left, op, value)) if self.does("augment"):
                if ast.unparse(target) == ast.unparse(left):
                    line = ast.AugAssign(target, op, value)
            case ast.Assign([ast.Tuple(names)], ast.Tuple(values)) if self.does("one by one"):
                both = zip(names, values, strict=True)
                return [ast.Assign([name], value, lineno=0) for name, value in both]
            case ast.Assign([target], ast.ListComp(item, [loop])) if self.does("loop"):
                into = ast.parse(f"{ast.unparse(target)}.append({ast.unparse(item)})").body
                for test in loop.ifs:
                    into = [ast.If(test, into, [])]
                empty = ast.Assign([target], ast.List([]), lineno=0)
                return [empty, ast.For(loop.target, loop.iter, into, [], lineno=0)]
            case ast.Return(ast.expr() as value) if self.does("name result"):
                return [ast.Assign([ast.Name("result")], value, lineno=0), ast.Return(ast.Name("result"))]
        return [*self.parts(line), line, *self.printed(line)]

    def parts(self, line):
        """Lines that give a name to a part of the one that comes after them, which gets the name."""
        if isinstance(line, ast.Return | ast.Assign) and line.value is not None:
            for inner in list(_inner_calls(line.value))[:2]:
                if self.does("name parts"):
                    name = f"part_{self.rng.randint(0, 999)}"
                    yield ast.Assign([ast.Name(name)], inner, lineno=0)
                    line.value = _Replaced(inner, ast.Name(name)).visit(line.value)

    def printed(self, line):
        if isinstance(line, ast.Assign) and self.rng.random() < self.often["print"] / 12:
            yield ast.parse(f"print({ast.unparse(line.targets[0])})").body[0]


class _Replaced(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def _inner_calls(node):
    """Calls inside of an expression, the inner ones first, but none that needs a name from within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp | ast.IfExp):
            yield from _inner_calls(child)
            if isinstance(child, ast.Call | ast.BinOp):
                yield child


def _disguised(code, rng, reorder):
    """The code with other names, and lines that do not need each other exchanged."""
    tree = ast.parse(code)
    if reorder:
        for node in ast.walk(tree):
            if isinstance(lines := getattr(node, "body", None), list):
                for n in range(len(lines) - 1):
                    if _independent(*lines[n : n + 2]) and rng.random() < 0.7:
                        lines[n], lines[n + 1] = lines[n + 1], lines[n]
    own = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    own |= {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)} - {"self"}
    words = rng.sample([f"{a}_{b}" for a in _WORDS.split() for b in ("", "1", "new", "x")], len(own))
    other = dict(zip(sorted(own), words, strict=True))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = other.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = other.get(node.arg, node.arg)
    return f"# my own work {rng.random()}\n{ast.unparse(tree)}"


def _independent(first, second):
    if not all(isinstance(one, ast.Assign) for one in (first, second)):
        return False
    used, stored = (
        [
            {one.id for one in ast.walk(line) if isinstance(one, ast.Name) and isinstance(one.ctx, kinds)}
            for line in (first, second)
        ]
        for kinds in (ast.expr_context, ast.Store)
    )
    return not (stored[0] & used[1] or stored[1] & used[0])
