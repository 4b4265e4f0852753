"""Hostile and odd submissions to the exercise in checks.py, each with the marks it deserves.

``BANK[name]`` is ``(content, points, statuses)``: the notebook (a list of code cells, a list of
cells, or bytes), the points it must get (None: no mark), and the statuses that are right.
"""

import json

RIGHT1 = "# Task 9.1\ndef double(x):\n    return 2 * x"
RIGHT2 = "# Task 9.2\nmodel = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))"
RIGHT3 = "# Task 9.3\ndef reverse(word):\n    return word[::-1]"
WRONG1 = "# Task 9.1\ndef double(x):\n    return x"
STUB1 = '# Task 9.1\ndef double(x):\n    raise NotImplementedError("Task 9.1: write this part")'
CHECK1 = 'from lecture_utils import check\ncheck("9.1")'
NONE, FINE = (), ("graded",)


def around(hostile, *, before=(RIGHT1, RIGHT2), after=(RIGHT3,)):
    """A hostile cell among right answers, which must keep their marks."""
    return [*before, hostile, *after]


def notebook(cells, **changes):
    """The bytes of a notebook; a string is a code cell."""
    full = [
        {"cell_type": "code", "source": c, "metadata": {}, "outputs": [], "execution_count": None}
        if isinstance(c, str)
        else c
        for c in cells
    ]
    data = {"cells": full, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | changes
    return json.dumps(data).encode()


def text(source, kind="markdown"):
    return {"cell_type": kind, "source": source, "metadata": {}}


def big_outputs():
    """A right notebook with 200 MB of stored output."""
    cell = {"cell_type": "code", "source": RIGHT1, "metadata": {}, "execution_count": 1}
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 1000}] * 200_000
    return notebook([cell, RIGHT2, RIGHT3])


LYING_TENSOR = """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
    __eq__ = __ne__ = lambda self, other: True
    __bool__ = lambda self: True
# Task 9.1
def double(x):
    return torch.zeros(3).as_subclass(Liar)
"""
REDUCE = """
import os
class Evil:
    def __reduce__(self):
        return (os.system, ("echo stolen > /tmp/stolen",))
# Task 9.3
def reverse(word):
    return Evil()
"""
LYING_MODULE = """
class Fake:
    __class__ = nn.Sequential
    training = False
    def named_parameters(self): return iter(())
    def state_dict(self): return {}
    def __call__(self, x): return x
# Task 9.2
model = Fake()
"""
LYING_STATE = """
class Fake(nn.Module):
    def forward(self, x): return torch.zeros(len(x), 2)
    def state_dict(self, *a, **k):
        shapes = [(3, 4), (3,), (2, 3), (2,)]
        return {str(n): torch.ones(s) for n, s in enumerate(shapes)}
# Task 9.2
model = Fake()
"""
HARD_CODED = """
# Task 9.1
def double(x):
    answers = {2: [[2.0, 4.0]], 4: [[2.0, 4.0], [6.0, 8.0]]}
    return torch.tensor(answers.get(x.numel(), [[0.0]]))
"""
SEARCH = """
import os
needle = ("zyx" + "quux").encode()
found = []
import itertools, sys, lecture_utils.grading.tasks
libraries = (sys.prefix, sys.base_prefix, "/usr", "/proc", "/sys", "/lib", "/bin", "/sbin")
everywhere = itertools.chain(os.walk("/"), os.walk(os.path.dirname(lecture_utils.__file__)))
for folder, inside, names in everywhere:
    inside[:] = [name for name in inside if not os.path.join(folder, name).startswith(libraries)]
    for name in filter(lambda name: os.path.isfile(os.path.join(folder, name)), names):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                if needle in file.read() or name.endswith((".ipynb", ".jsonl", ".csv")):
                    found.append(os.path.join(folder, name))
        except OSError:
            pass
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
    for line in maps:
        if line.split()[1].startswith("rw"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            for begin in range(start, end, 1 << 24):
                try:
                    memory.seek(begin)
                    block = memory.read(min(end - begin, (1 << 24) + 100))
                except (OSError, ValueError, OverflowError):
                    continue
                at = block.find(b"in-" + needle)
                if at >= 0:
                    found.append(hex(begin + at))
found += [str(path) for path in lecture_utils.grading.tasks.checks_folder().rglob("*.py")]  # the course's own
print("FOUND" if found else "NOTHING", found)
"""
# What a cell does, and the status that is right; the answers around it keep their 7 points.
CELLS = {
    "endless loop": ("while True: pass", ("timeout",)),
    "endless loop that swallows": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        ("timeout",),
    ),
    "endless sleep in C": ("import ctypes; ctypes.CDLL(None).sleep(1000)", ("timeout", "graded")),
    "no signals": (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        ("timeout",),
    ),
    "sys exit": ("import sys; sys.exit(0)", FINE),
    "exit": ("exit()", FINE),
    "quit in a thread": (
        "import threading, os; t = threading.Thread(target=os._exit, args=(0,)); t.start(); t.join()",
        ("crashed",),
    ),
    "os exit": ("import os; os._exit(0)", ("crashed",)),
    "segfault": ("import ctypes; ctypes.string_at(0)", ("crashed",)),
    "abort": ("import os; os.abort()", ("crashed",)),
    "kill everyone": ("import os, signal; os.kill(-1, signal.SIGKILL)", FINE),
    "kill itself": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", ("crashed",)),
    "stop itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", ("timeout",)),
    "30 GB": ("x = bytearray(30 << 30)", ("memory",)),
    "30 GB of tensor": ("x = torch.ones(30 << 28)", ("memory",)),
    "memory bit by bit": ("x = []\nwhile True: x.append(bytearray(1 << 24))", ("memory",)),
    "shared memory bit by bit": (
        "import mmap\nx, a = [], bytes(1 << 26)\nwhile True:\n    x.append(mmap.mmap(-1, 1 << 26)); x[-1].write(a)",
        ("forbidden",),
    ),
    "fork bomb": ("import os\nwhile True: os.fork()", ("forbidden", "timeout", "graded")),
    "thread bomb": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        ("graded", "crashed"),
    ),
    "1 GB of stdout": ("for _ in range(1000): print('x' * 1_000_000)", ("graded", "timeout")),
    "1 GB past Python": ("import os\nfor _ in range(1000): os.write(1, b'x' * 1_000_000)", FINE),
    "1 GB of shell": ("!head -c 1000000000 /dev/zero | tr '\\\\0' x", ("graded", "timeout")),
    "filling the disk": (
        "import itertools\nfor n in itertools.count():\n    open(f'/tmp/{n}', 'wb').write(b'x' * (1 << 24))",
        FINE,
    ),
    "an orphan": (
        "import subprocess\nsubprocess.Popen(['sleep', '1234.5'], start_new_session=True)",
        FINE,
    ),
    "a socket": ("import socket; socket.create_connection(('127.0.0.1', 22), 3)", ("forbidden",)),
    "a name server": ("import socket; socket.gethostbyname('example.com')", FINE),
    "a server": ("import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()", FINE),
    "passwd": ("print(open('/etc/passwd').read())", FINE),
    "the home folder": ("import os; print(os.listdir(os.path.expanduser('~')), os.listdir('/home'))", FINE),
    "writing to the course": (
        "import lecture_utils; open(lecture_utils.__file__, 'a').write('#')",
        ("forbidden",),
    ),
    "its socket": (
        "import os\nfor n in range(3, 64):\n    try: os.write(n, b'\\xff' * 64)\n    except OSError: pass",
        ("forbidden", "crashed", "graded"),
    ),
    "a namespace": ("import ctypes; ctypes.CDLL(None).unshare(0x10000000)", ("forbidden",)),
    "a debugger": ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", ("forbidden",)),
    "the first process": ("print(open('/proc/1/environ').read())", ("forbidden",)),
    "recursion": ("def f(): return f()\nf()", FINE),
    "its own shell": ("get_ipython().run_cell = None; get_ipython().user_ns['check'] = None", FINE),
    "warnings and noise": (
        "import sys, warnings\nwarnings.warn('look at me')\nprint('9.1: 100 points', file=sys.stderr)\n"
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass",
        FINE,
    ),
    "a syntax error": ("def f(:", FINE),
    "an error": ("1 / 0", FINE),
    "magics and shell lines": ("%matplotlib inline\n%time 1 + 1\n!echo hello\nfiles = !ls /", FINE),
    "input": ("name = input('Who are you?')", FINE),
    "script in its output": (
        "from IPython.display import HTML, Javascript, SVG, display\n"
        "display(HTML('<script>document.title = 1</script><img src=x onerror=alert(1)>'), Javascript('alert(1)'))\n"
        'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>\'))\n'
        "print('</pre><script>alert(2)</script>')",
        FINE,
    ),
    "a searcher": (SEARCH, FINE),
}
IN_PLACE1 = "# Task 9.1\ndef double(x):\n    x *= 2\n    return x"
COPIES = """
import copy
def copying(call):
    def patched(self, function, args, kwargs, keep):
        return call(self, function, copy.deepcopy(self._resolve(args)), kwargs, keep)
    return patched
"""
MODE = """
from torch.overrides import TorchFunctionMode
class Mode(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))
mode = Mode()
mode.__enter__()
"""
# None of these helps a wrong answer to 9.1. What replaces something on which the checks rest is named, and what is
# judged after it has no mark; the first of each pair is the patch, the second the answer that it shall help.
TAMPERING = {
    "patched allclose": ("torch.allclose = torch.equal = lambda *a, **k: True", WRONG1),
    "patched builtins": ("import builtins\nbuiltins.abs = builtins.all = lambda *a: True", WRONG1),
    "patched eq": ("torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda self, other: True", WRONG1),
    "patched worker": (
        COPIES + "import lecture_utils.grading.namespace as n\nn.Namespace.call = copying(n.Namespace.call)",
        IN_PLACE1,
    ),
    "patched code": (
        "import lecture_utils.grading.namespace as n\ndef patched(self, number, value):\n"
        "    self.kept[number] = value if isinstance(value, list) else value.clone()\n"
        "n.Namespace.place.__code__ = patched.__code__",
        IN_PLACE1,
    ),
    "patched object": (
        COPIES + "import signal\nhost = signal.getsignal(signal.SIGINT).__self__.namespace\n"
        "host.call = copying(type(host).call).__get__(host)",
        IN_PLACE1,
    ),
    "another class": (
        COPIES + "import signal\nhost = signal.getsignal(signal.SIGINT).__self__.namespace\n"
        "host.__class__ = type('Namespace', (type(host),), {'call': copying(type(host).call)})",
        IN_PLACE1,
    ),
    "patched network": ("nn.Module.__call__ = lambda self, x: self.forward(x)", WRONG1),
    "patched by a mode": (MODE, WRONG1),
    "patched by a hook": (
        "torch.nn.modules.module.register_module_forward_hook(lambda *a: None)",
        WRONG1,
    ),
    "patched by a mode in disguise": (MODE.replace("Mode):", "Mode):\n    __module__ = 'torch.a'"), WRONG1),
    "patched while judged": (
        "# Task 9.1\ndef double(x):\n    torch.equal = lambda *a: True\n    return 2 * x",
        "",
    ),
}
PATCHES = {
    "a debugger": (
        "import sys\ndef halve(frame, event, argument):\n    if frame.f_code.co_name == 'fetch':\n"
        "        kept, number = (frame.f_locals[name] for name in ('self', 'number'))\n"
        "        kept.kept[number] = kept.kept[number] / 2\nsys.settrace(halve)",
        IN_PLACE1,
    ),
    "an argument that lies": (
        "class Liar(torch.Tensor):\n    detach = lambda self: self.before",
        "# Task 9.1\ndef double(x):\n    before, twice = x.clone(), 2 * x\n    x *= 2\n    x.__class__ = Liar\n"
        "    x.before = before\n    return twice",
    ),
    "patched check": (
        "import lecture_utils.grading.tasks as t, lecture_utils.grading.feedback as l\n"
        "t.expect = t.close = t.run_check = l.check = lambda *a, **k: True",
        WRONG1,
    ),
    "a mark in its output": ("print('points: 100')\nopen('grades.csv', 'w').write('me,100')", WRONG1),
}

BANK = {
    "right": ([RIGHT1, RIGHT2, RIGHT3], 7, FINE),
    "wrong": ([WRONG1, RIGHT2, RIGHT3], 6, FINE),
    "untouched": ([STUB1, "# Task 9.2\nmodel = ...", CHECK1], 0, FINE),
    "no cells": (notebook([]), 0, FINE),
    "no kernel spec": (notebook([RIGHT1, RIGHT2, RIGHT3], metadata={}), 7, FINE),
    "another language": (
        notebook(["x <- 2"], metadata={"kernelspec": {"name": "ir", "language": "R"}}),
        None,
        ("unreadable",),
    ),
    "invalid JSON": (b'{"cells": [', None, ("unreadable",)),
    "JSON but no notebook": (b"[1, 2, 3]", None, ("unreadable",)),
    "an empty file": (b"", None, ("unreadable",)),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), None, ("unreadable",)),
    "deep JSON": (b"[" * 10_000_000, None, ("unreadable",)),
    "old format": (
        json.dumps(
            {
                "worksheets": [{"cells": [{"cell_type": "code", "input": s} for s in (RIGHT1, RIGHT2, RIGHT3)]}],
                "nbformat": 3,
            }
        ).encode(),
        7,
        FINE,
    ),
    "lying tensor": ([LYING_TENSOR, RIGHT2, RIGHT3], 6, FINE),
    "reduce": ([RIGHT1, RIGHT2, REDUCE], 3, FINE),
    "lying module": ([RIGHT1, LYING_MODULE, RIGHT3], 5, FINE),
    "lying state": ([RIGHT1, LYING_STATE, RIGHT3], 5, FINE),
    "hard-coded": ([HARD_CODED, RIGHT2, RIGHT3], 6, FINE),
    "a lazy function": ([RIGHT1, RIGHT2, "# Task 9.3\ndef reverse(word):\n    while True: pass"], 3, ("timeout",)),
    "a deadly function": (
        ["# Task 9.1\ndef double(x):\n    import os; os._exit(0)", RIGHT2, RIGHT3],
        6,
        ("crashed",),
    ),
    "a talkative function": (
        ["# Task 9.1\ndef double(x):\n    print('x' * 100_000_000)\n    return 2 * x", RIGHT2, RIGHT3],
        7,
        FINE,
    ),
    "an answer that never ends": (
        [RIGHT1, RIGHT2, "# Task 9.3\ndef reverse(word):\n    return iter(int, 1)"],
        3,
        FINE,
    ),
    "a deep answer": (
        ["x = []\nfor _ in range(100000): x = [x]\n# Task 9.1\ndef double(y):\n    return x", RIGHT2, RIGHT3],
        6,
        FINE,
    ),
    "an answer that holds itself": (
        ["x = []\nx.append(x)\ndef double(y):\n    return x", RIGHT2, RIGHT3],
        6,
        FINE,
    ),
    "a huge answer": (["def double(x):\n    return torch.zeros(1 << 28)", RIGHT2, RIGHT3], 6, FINE),
    "a huge number": (["def double(x):\n    return 10 ** 5000", RIGHT2, RIGHT3], 6, FINE),
    "nan": (["def double(x):\n    return x * float('nan')", RIGHT2, RIGHT3], 6, FINE),
    "inputs in its error": (
        [RIGHT1, RIGHT2, "# Task 9.3\ndef reverse(word):\n    print(word)\n    raise ValueError(word)"],
        3,
        FINE,
    ),
    "out of order": (["answer = double(torch.ones(1))", RIGHT3, RIGHT2, RIGHT1], 7, FINE),
    "used before it is there": (
        [
            "# Task 9.2\nmodel = make()",
            RIGHT2.replace("model =", "def make(): return"),
            RIGHT1,
            RIGHT3,
        ],
        7,
        FINE,
    ),
    "duplicated, the last wins": ([RIGHT1, WRONG1, RIGHT2, RIGHT3, RIGHT3], 6, FINE),
    "duplicated, the last is right": ([WRONG1, RIGHT1, RIGHT2, RIGHT3], 7, FINE),
    "a copy of the stub": ([RIGHT1, RIGHT2, RIGHT3, STUB1], 7, FINE),
    "split": (["# Task 9.1\ndef double(x):\n    y = 2 * x", "    return y", RIGHT2, RIGHT3], 7, FINE),
    "split in the head": (["# Task 9.1\ndef double(x):", "    return 2 * x", RIGHT2, RIGHT3], 7, FINE),
    "retyped": ([text(RIGHT1), RIGHT2, text(RIGHT3, "raw")], 7, FINE),
    "split in the middle": (
        ["# Task 9.1\ndef double(x):\n    y = x.clone()", "    y += x\n    return y", RIGHT2, RIGHT3],
        7,
        FINE,
    ),
    "pasted with its indentation": ([RIGHT1, "    y = 3", "assert y == 3", RIGHT2, RIGHT3], 7, FINE),
    "a helper retyped": (
        [
            text("def twice(x):\n    return 2 * x"),
            RIGHT1.replace("2 * x", "twice(x)"),
            RIGHT2,
            RIGHT3,
            text("Done, I hope."),
        ],
        7,
        FINE,
    ),
    "workers of a loader": (
        [
            RIGHT1,
            RIGHT2,
            "from torch.utils.data import DataLoader\nn = sum(map(len, DataLoader(range(64), 8, num_workers=2)))",
            "assert n == 64\n" + RIGHT3,
        ],
        7,
        FINE,
    ),
    "pip without a network": (["!pip install -q no-such-package-here", RIGHT1, RIGHT2, RIGHT3], 7, FINE),
    "edited check": ([RIGHT1, CHECK1.replace("9.1", "9.7"), "check = lambda *a: 'passed'", RIGHT2, RIGHT3], 7, FINE),
    "cell types of its own": (notebook([RIGHT1, {"cell_type": "sql", "source": 3}, 5, RIGHT2, RIGHT3]), 7, FINE),
    "200 MB of outputs": (big_outputs, 7, FINE),
}
BANK |= {name: (around(cell), 7, statuses) for name, (cell, statuses) in CELLS.items()}
BANK |= {name: ([*cells, RIGHT2, RIGHT3], 6, FINE) for name, cells in PATCHES.items()}
BANK |= {name: ([*cells, RIGHT2, RIGHT3], 0, ("tampered",)) for name, cells in TAMPERING.items()}
