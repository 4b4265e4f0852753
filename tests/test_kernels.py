"""Warm kernels: the same as cold ones but for the time, nothing passes between them, and nothing stays behind."""

import contextlib
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
from conftest import KERNEL_LINE, ROOT
from jupyter_client.manager import KernelManager

from course_tools import kernels
from course_tools.cli import app
from course_tools.execute import run_notebook
from lecture_grader import fork_client, fork_server

pytestmark = pytest.mark.skipif(kernels.why_not_forked() is not None, reason=str(kernels.why_not_forked()))


class Kernel:
    """A kernel of some kind, started and ended by ``with``, that runs code and gives back what it printed."""

    def __init__(self, name=kernels.NAME, **options):
        kernels.kernel_name()
        self.manager = KernelManager(kernel_name=name)
        self.options = {"stderr": subprocess.DEVNULL} | options

    def __enter__(self):
        self.manager.start_kernel(**self.options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.process = self.manager.provisioner.process
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)

    def run(self, code, timeout=60):
        shown = []

        def keep(message):
            content = message["content"]
            shown.append(content.get("text") or content.get("data", {}).get("text/plain") or content.get("evalue", ""))

        self.client.execute_interactive(code, timeout=timeout, output_hook=keep, allow_stdin=False)
        return "".join(filter(None, shown))


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def gone(process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- the same as a cold kernel -------------------------------------------------------------------------------------

PROBE = """
import faulthandler, gc, json, os, resource, signal, sys, threading, warnings
state = {
    "directory": os.getcwd(),
    "environment": {k: v for k, v in os.environ.items() if not k.startswith("JPY_")},
    "path": sys.path, "flags": str(sys.flags), "main": sys.argv[0], "argv": len(sys.argv), "module": __name__,
    "course": [name for name in sys.modules if name.startswith("lecture")],
    "streams": [os.readlink(f"/proc/self/fd/{n}") for n in (0, 1, 2)],
    "stdin": os.read(0, 1).decode(),
    "echo": [sys.__stdout__.line_buffering, sys.__stdout__.encoding, sys.__stderr__.line_buffering],
    "leader": [os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()],
    "handlers": [str(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP)],
    "mask": str(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": [resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT")],
    "umask": os.umask(0o22), "nice": os.nice(0), "cores": sorted(os.sched_getaffinity(0)),
    "threads": sorted(thread.name.split("-")[0] for thread in threading.enumerate()),
    "gc": [gc.isenabled(), gc.get_threshold()], "recursion": sys.getrecursionlimit(),
}
import importlib, re
for name in PRELOADED:
    importlib.import_module(name)
import matplotlib, numpy as np, torch
state |= {
    "matplotlib": str(sorted(matplotlib.rcParams.items(), key=str)),
    "torch": [torch.get_num_threads(), torch.get_num_interop_threads(), str(torch.get_default_dtype())],
    "numpy": [np.geterr(), np.get_printoptions()["precision"]],
    "seeded": [torch.manual_seed(1) and torch.rand(3).tolist(), (np.random.seed(1), np.random.rand(3).tolist())[1]],
    "warnings": sorted(set(map(str, warnings.filters))),
    "history": get_ipython().history_manager.hist_file, "magics": len(get_ipython().magics_manager.magics["line"]),
}
print(re.sub(r"pipe:.[0-9]+.", "pipe", json.dumps(state, default=str)))
""".replace("PRELOADED", repr(fork_server.PRELOADED))


def test_a_warm_kernel_finds_itself_as_a_cold_one_does(tmp_path, monkeypatch):
    """Environment, directory, streams, signals, limits, threads, settings of the libraries."""
    monkeypatch.setenv("LECTURE_OF_MINE", "grün = 1")
    states = {}
    for name in ("python3", kernels.NAME):
        more = ["--HistoryManager.hist_file=:memory:"] if name == "python3" else []
        with (
            (tmp_path / name).open("w") as stderr,
            Kernel(name, cwd=str(tmp_path), stdout=subprocess.DEVNULL, stderr=stderr, extra_arguments=more) as kernel,
        ):
            states[name] = json.loads(kernel.run(PROBE).replace(f"{tmp_path}/{name}", "its own"))
            assert isinstance(kernel.process, fork_client.Fork) == (name == kernels.NAME)
            kernel.run("import os, sys; os.write(2, b'straight to stderr'); print('from Python', file=sys.__stderr__)")
    cold, warmed = states["python3"], states[kernels.NAME]
    if cold["environment"].get("JUPYTER_PATH"):  # ours, taken away again from warm ones, stays where a cold one asks
        del cold["environment"]["JUPYTER_PATH"]
    assert cold["course"] == [] and cold["environment"]["LECTURE_OF_MINE"] == "grün = 1"
    assert warmed == cold
    # the debugger, which ipykernel imports, warns of itself; in the server of a warm kernel
    said = {k: [s for s in (tmp_path / k).read_text().splitlines() if not s.startswith("0.0")] for k in states}
    assert said[kernels.NAME] == said["python3"] and "straight to stderr" in "".join(said["python3"])


CELLS = (
    "import torch\ntorch.manual_seed(seed)\nnet = torch.nn.Linear(300, 300)\nx = torch.randn(500, 300)",
    "optimizer = torch.optim.Adam(net.parameters())\nfor _ in range(5):\n    loss = (net(x) - x).pow(2).mean()\n"
    "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\nprint(f'{loss.item():.4f}')",
    "import numpy as np\nrng = np.random.default_rng(0)\na = rng.random((400, 400))\nround(float((a @ a).sum()), 3)",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 1]);",
    "!echo $HOME; pwd",
    "%timeit -n1 -r1 -q pass\nimport sklearn.datasets\nsklearn.datasets.load_digits().data.shape",
    "from torch.utils.data import DataLoader\n[len(b) for b in DataLoader(range(10), batch_size=4, num_workers=2)]",
    "import multiprocessing as mp\nwith mp.get_context('spawn').Pool(1) as pool: print(pool.map(abs, [-3]))",
    "try:\n    torch.ones(2) @ torch.ones(3)\nexcept RuntimeError as error:\n    print(error)",
    "import sys\nsys.stdout.write('a'), print('b', file=sys.stderr)",
    "undefined",
)


def test_a_notebook_has_the_same_outputs_and_keeps_asking_for_python3(make_notebook, tmp_path):
    """The lectures themselves: nbval compares them in each run of the tests with what a cold kernel stored, and
    tests/benchmarks/warm_kernels.py both ways."""
    path, found = make_notebook(*CELLS), {}
    for kernel in ("python3", kernels.NAME):
        result = run_notebook(path, tmp_path / kernel, kernel=kernel)
        assert (result.status, result.failed_cell) == ("failed", len(CELLS) + 2), result
        executed = nbformat.read(tmp_path / kernel / "sample.failed.ipynb", as_version=4)
        assert executed.metadata.kernelspec.name == "python3"
        found[kernel] = [
            [{k: v for k, v in output.items() if k != "metadata"} for output in cell.outputs]
            for cell in executed.cells
            if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.tags
        ]
        assert any("image/png" in o.get("data", {}) for cell in found[kernel] for o in cell)
    assert found[kernels.NAME] == found["python3"]


# --- nothing passes from one to the next ---------------------------------------------------------------------------

DRAWN = """
import multiprocessing, random, tempfile, uuid
import numpy as np, torch
print([random.random(), np.random.rand(), np.random.default_rng().random(), torch.rand(1).item(), tempfile.mktemp(),
       str(uuid.uuid4()), multiprocessing.current_process().authkey.hex()])
"""


def test_what_is_left_to_chance_differs():
    with Kernel() as one, Kernel() as two:
        first, second = (kernel.run(DRAWN).strip("[]\n").split(", ") for kernel in (one, two))
    assert len(first) == 7 and not set(first) & set(second), (first, second)


def server_of(kernel):
    """The process from which a kernel was forked: the parent of its guard."""
    return psutil.Process(kernel.process.pid).parent().parent()


def test_one_kernel_leaves_nothing_to_the_next_and_threads_work_in_each(tmp_path):
    spoil = (
        "import json, os\njson.left = torch.left = 1\nos.environ['LEFT'] = '1'\nos.chdir('/')\n"
        "torch.set_default_dtype(torch.float64)\ntorch.set_num_threads(1)"
    )
    multiply = (
        "import numpy as np, torch\nx = torch.rand(1500, 1500)\n(x @ x).sum()\n"
        "a = np.ones((1500, 1500))\n(a @ a).sum()\nthreads = torch.get_num_threads()\n"
    )
    look = (
        "import json, os\nprint(hasattr(json, 'left'), hasattr(torch, 'left'), os.environ.get('LEFT'), "
        "os.getcwd(), torch.get_default_dtype(), threads)"
    )
    with Kernel() as one:
        one.run(multiply + spoil)
        server = server_of(one)
        before = server.memory_info().rss
        with Kernel(cwd=str(tmp_path)) as two:
            threads = torch.get_num_threads()
            assert two.run(multiply + look) == f"False False None {tmp_path} torch.float32 {threads}\n"
            assert server_of(two) == server
        assert server.num_threads() == 1 and server.memory_info().rss < before + 20e6


# --- as jupyter_client sees it -------------------------------------------------------------------------------------


def test_interrupts_exit_codes_and_restarts():
    with Kernel() as kernel:
        server = server_of(kernel)
        asked = kernel.client.execute(
            "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('stopped')"
        )
        time.sleep(1)
        kernel.manager.interrupt_kernel()
        reply = kernel.client.get_shell_msg(timeout=10)
        assert reply["parent_header"]["msg_id"] == asked and reply["content"]["status"] == "ok"
        first = kernel.process
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=60)
        assert first.poll() == 0 and kernel.manager.provisioner.process.pid != first.pid
        assert kernel.run("print(6 * 7)") == "42\n"
    assert not kernel.manager.has_kernel
    for code, expected in (("import os; os._exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)):
        with Kernel() as kernel:
            kernel.client.execute(code)
            process = kernel.process
            wait_until(lambda process=process: process.poll() is not None)
            assert process.returncode == expected and not kernel.manager.is_alive()
    assert not [child for child in server.children() if child.status() == psutil.STATUS_ZOMBIE]


def test_what_a_notebook_registered_for_its_end_is_run(tmp_path):
    code = (
        f"import atexit, tempfile, threading, time\nfrom pathlib import Path\n"
        f"atexit.register(Path({str(tmp_path / 'mark')!r}).touch)\nfolder = tempfile.TemporaryDirectory()\n"
        "threading.Thread(target=time.sleep, args=[0.5]).start()\nprint(folder.name)"
    )
    with Kernel() as kernel:
        folder = Path(kernel.run(code).strip())
        assert folder.is_dir()
        kernel.manager.shutdown_kernel()
    assert (tmp_path / "mark").exists() and not folder.exists()


def test_peak_memory_of_a_warm_kernel_has_torch_in_it(make_notebook, tmp_path):
    """All the memory that it maps counts, also what it shares with the server: a bit less than a cold one's."""
    grab = "import torch\nblock = torch.ones(60_000_000)\nimport time; time.sleep(0.3)"
    peaks = {k: run_notebook(make_notebook(grab), tmp_path, kernel=k).peak_rss_mb for k in ("python3", kernels.NAME)}
    print(peaks)
    assert peaks[kernels.NAME] > 240 + 150 and 0.6 < peaks[kernels.NAME] / peaks["python3"] < 1.3


# --- the life of the server --------------------------------------------------------------------------------------

CLIENT = """
import os, subprocess, sys, time
from jupyter_client.manager import KernelManager
from course_tools import kernels
manager = KernelManager(kernel_name=kernels.kernel_name()[0])
manager.start_kernel(stderr=subprocess.DEVNULL)
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=120)
print(manager.provisioner.pid, flush=True)
sys.stdin.readline()
client.stop_channels()
manager.shutdown_kernel()
"""


@contextlib.contextmanager
def client(**environment):
    """A process of its own with one warm kernel: the process, its kernel, and the kernel's server."""
    running = subprocess.Popen(
        [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | environment, cwd=ROOT,
    )  # fmt: skip
    with running:
        kernel = psutil.Process(int(running.stdout.readline()))
        yield running, kernel, kernel.parent().parent()
        if running.poll() is None:
            running.communicate("\n", timeout=30)


def test_a_kernel_ends_with_its_client_and_the_server_some_time_after_the_last(tmp_path):
    mine = {"TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": "", "LECTURE_WARM_MINUTES": "0"}
    with client(**mine) as (one, kernel_one, server), client(**mine) as (two, kernel_two, same):
        assert server == same != psutil.Process(one.pid)
        (folder,) = tmp_path.glob("lecture-fork-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not [c for c in server.net_connections() if c.family.name != "AF_UNIX"], "no port"
        one.communicate("\n", timeout=30)
        assert one.returncode == 0 and gone(kernel_one)
        time.sleep(0.5)
        assert server.is_running() and not gone(kernel_two)
        two.kill()
        wait_until(lambda: gone(kernel_two))
        assert not gone(server), "another command may follow"
        wait_until(lambda: gone(server), 30)
    assert not [path for path in folder.iterdir() if not path.is_dir()]


def test_a_killed_server_takes_its_kernels_along_and_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with Kernel() as one:
        server = server_of(one)
        kernel = psutil.Process(one.process.pid)
        server.kill()
        wait_until(lambda: gone(kernel))
        wait_until(lambda: not one.manager.is_alive())
        with Kernel() as two:
            assert two.run("print(1)") == "1\n" and server_of(two) != server
            server_of(two).kill()


# --- where it is not taken -----------------------------------------------------------------------------------------


def test_a_kernel_that_cannot_be_warm_is_a_cold_one_and_says_why(monkeypatch, capfd, tmp_path):
    shared = tmp_path / f"lecture-fork-{os.getuid()}"
    shared.mkdir(mode=0o755)
    shared.chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with Kernel() as kernel:
        assert isinstance(kernel.process, subprocess.Popen) and kernel.run("print(1)") == "1\n"
    assert "a new process" in (said := capfd.readouterr().err) and str(shared) in said
    shared.rmdir()
    with Kernel(stdout=subprocess.PIPE) as kernel:
        assert isinstance(kernel.process, subprocess.Popen)
    assert "not with a pipe" in capfd.readouterr().err


def test_reasons(monkeypatch):
    line = "kernels: new processes, each imports torch itself (--no-fork)"
    assert kernels.kernel_name(fork=False) == ("python3", line)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    assert "install it again" in kernels.kernel_name()[1]
    old = importlib.metadata.EntryPoint(kernels.NAME, "lecture_utils.warm:WarmProvisioner", "")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [old])
    assert kernels.kernel_name()[0] == "python3" and "install it again" in kernels.kernel_name()[1]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kernels.kernel_name()[1] == "kernels: new processes, each imports torch itself (no safe fork on darwin)"


def test_the_modules_can_be_imported_where_nothing_of_unix_is():
    code = (
        "import sys\nsys.modules |= dict.fromkeys(['fcntl', 'resource', 'pwd', 'grp', 'termios'])\n"
        "from course_tools import cli, kernels\nimport lecture_grader.sandbox\nsys.platform = 'win32'\n"
        "print(kernels.kernel_name()[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "kernels: new processes, each imports torch itself (no safe fork on win32)\n", done.stderr


def test_commands_say_which_kernels_they_take(make_notebook, tmp_path):
    from typer.testing import CliRunner

    path = make_notebook("import os; print('of', os.getppid(), open(f'/proc/{os.getppid()}/cmdline').read())")
    mine = f"of {os.getpid()} "
    for flags, words, parent in (([], "kernels: forked", "fork_server.py"), (["--cold"], "kernels: new", mine)):
        done = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "out"), *flags])
        assert done.exit_code == 0 and words in done.output, done.output
        assert parent in (tmp_path / "out" / "sample.ipynb").read_text()
    assert KERNEL_LINE.startswith("kernels: ")


def test_papermill_takes_it_by_name(make_notebook, tmp_path):
    path = make_notebook("import os; print(open(f'/proc/{os.getppid()}/cmdline').read())")
    command = [sys.executable, "-m", "papermill", str(path), str(tmp_path / "out.ipynb"), "-k", kernels.NAME]
    environment = os.environ | {"JUPYTER_PATH": str(ROOT / "course_tools")}
    done = subprocess.run([*command, "--no-progress-bar"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert "fork_server.py" in executed.cells[-1].outputs[0].text and executed.metadata.kernelspec.name == "python3"
