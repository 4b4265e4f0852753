"""Notebooks that try the machine, and notebooks that use it as they may; see ``submissions`` for the others.

``MACHINE[name]`` is as in ``submissions.BANK``. An attack stands among right answers, which keep their points.
"""

from .submissions import FINE, around

SPEND = """
for _ in range(9):
    if os.fork() == 0:
        block = b'x' * (250 << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(20)
"""
# What a cell does, and the status that is right.
ATTACKS = {
    "a file in memory": ("import os\nos.memfd_create('x')", FINE),
    "a shared segment": ("import ctypes\nassert ctypes.CDLL(None).shmget(1, 1 << 30, 0o1666) >= 0", FINE),
    "semaphores": ("import ctypes\nassert ctypes.CDLL(None).semget(1, 32000, 0o1666) >= 0", FINE),
    "a message queue": ("import ctypes\nassert ctypes.CDLL(None).msgget(1, 0o1666) >= 0", FINE),
    "shared memory without a file": ("import mmap\nmmap.mmap(-1, 1 << 20)", ("forbidden",)),
    "shared zeros": ("import mmap\nmmap.mmap(open('/dev/zero', 'r+b').fileno(), 1 << 20)", FINE),
    "page tables": (
        """
import ctypes, numpy as np
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
while True:
    start = libc.mmap(None, 8 << 30, 1, 0x4022, -1, 0)
    libc.madvise(start, 8 << 30, 15)
    np.ctypeslib.as_array((ctypes.c_byte * (8 << 30)).from_address(start))[:: 2 << 20].sum()
""",
        ("memory",),
    ),
    "buffers of sockets": (
        """
import os, socket, time
held = []
for _ in range(3): os.fork()
for _ in range(400): held.append(socket.socketpair())
time.sleep(20)
""",
        ("memory",),
    ),
    "locks": (
        "import fcntl\nheld = [open(f'/tmp/{n}', 'wb') for n in range(300)]\nfor place in range(400):\n"
        "    for file in held: fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * place)",
        ("forbidden",),
    ),
    "children that refuse to be measured": (
        "import ctypes, os, time\nctypes.CDLL(None).prctl(4, 0)" + SPEND,
        ("memory",),
    ),
    "children that refuse with upper bits": (
        "import ctypes, os, time\nctypes.CDLL(None).syscall(157, ctypes.c_long(4 | 1 << 32), 0)" + SPEND,
        ("memory",),
    ),
    "children that cannot be read": (
        """
import os, shutil, sys, time
shutil.copy(os.path.realpath(sys.executable), "/tmp/program")
os.chmod("/tmp/program", 0o111)
code = "x = b'x' * (250 << 20); import time; time.sleep(20)"
for _ in range(9):
    if os.fork() == 0: os.execve("/tmp/program", ["p", "-S", "-c", code], {"PYTHONHOME": sys.base_prefix})
time.sleep(20)
""",
        ("memory",),
    ),
    "a socket to the host": ("import socket\nsocket.socket(40, socket.SOCK_STREAM)", FINE),
    "a raw packet socket": ("import socket\nsocket.socket(17, socket.SOCK_RAW)", FINE),
    "a socket of the kernel's ciphers": ("import socket\nsocket.socket(38, socket.SOCK_SEQPACKET)", FINE),
    "no core limit": ("import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()", FINE),
}
WORKERS = """
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(64.).reshape(64, 1), torch.arange(64))
for options in ({}, {"persistent_workers": True}):
    loader = DataLoader(data, 8, num_workers=2, shuffle=True, **options)
    assert sum(len(x) for _ in range(2) for x, y in loader) == 128
batches = list(DataLoader(data, 1, num_workers=2))
assert len(batches) == 64
"""
PROCESSES = """
import multiprocessing as mp
import torch.multiprocessing as tmp
def work(value, array, queue, tensor):
    with value.get_lock(): value.value += 1
    array[0] += 1
    tensor += 1
    queue.put(tensor.sum().item())
value, array, queue, tensor = mp.Value("i", 0), mp.Array("d", 3), mp.Queue(), torch.zeros(3).share_memory_()
children = [mp.Process(target=work, args=(value, array, queue, tensor)) for _ in range(2)]
for child in children: child.start()
told = [queue.get(timeout=10) for _ in children]
for child in children: child.join()
assert value.value == 2 and array[0] == 2 and tensor.sum() == 6
with mp.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=1 << 16)
block.buf[0] = 7; block.close(); block.unlink()
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
with ProcessPoolExecutor(2) as pool: assert list(pool.map(abs, [-3])) == [3]
with ThreadPoolExecutor(4) as pool: assert list(pool.map(abs, [-3])) == [3]
with mp.Manager() as manager: assert manager.list([1])[0] == 1
pipe, other = mp.Pipe(); pipe.send("x"); assert other.recv() == "x"
"""
LIBRARIES = """
import ctypes, joblib, matplotlib.pyplot as plt, numpy as np, sklearn.ensemble
@torch.jit.script
def twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x
assert twice(torch.ones(2)).sum() == 4
traced = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)); traced(torch.ones(1, 2))
called = []
ctypes.CFUNCTYPE(None, ctypes.c_int)(called.append)(3)
order = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 3)(3, 1, 2)
ctypes.CDLL(None).qsort(numbers, 3, 4, order(lambda a, b: a[0] - b[0]))
assert called == [3] and list(numbers) == [1, 2, 3]
x, y = np.random.rand(60, 4), np.arange(60) % 2
forest = sklearn.ensemble.RandomForestClassifier(5, n_jobs=2).fit(x, y)
assert joblib.Parallel(2)(joblib.delayed(abs)(n) for n in (-1, -2)) == [1, 2]
fig, ax = plt.subplots(); ax.plot(x); fig.savefig("/tmp/x.png"); plt.show()
a = np.memmap("/tmp/a", float, "w+", shape=(1000,)); a[:] = 1; a.flush()
torch.save({"x": torch.ones(9)}, "/tmp/x.pt"); assert torch.load("/tmp/x.pt", mmap=True)["x"].sum() == 9
torch.randn(64, 3, 32, 32); nn.Conv2d(3, 8, 3)(torch.randn(4, 3, 32, 32)).sum().backward()
torch.set_num_threads(2); torch.rand(500, 500) @ torch.rand(500, 500); nn.LSTM(4, 4)(torch.rand(5, 1, 4))
"""
SYSTEM = """
import asyncio, fcntl, locale, os, platform, resource, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, time
base = sqlite3.connect("/tmp/base.db"); base.execute("create table a (b)"); base.commit(); base.close()
assert subprocess.run(["sh", "-c", "sort | head -n 1"], input=b"b\\na\\n", capture_output=True).stdout == b"a\\n"
subprocess.run([sys.executable, "-c", "print(1)"], check=True, start_new_session=True, capture_output=True)
with tempfile.TemporaryDirectory() as folder:
    open(f"{folder}/a", "w").write("a" * 100000); shutil.copytree(folder, f"{folder}2"); shutil.rmtree(f"{folder}2")
os.fallocate if 0 else os.posix_fallocate(os.open("/tmp/f", os.O_CREAT | os.O_RDWR), 0, 4096)
ours, theirs = socket.socketpair(); ours.send(b"x"); assert theirs.recv(1) == b"x"
async def wait():
    process = await asyncio.create_subprocess_exec("true"); await process.wait(); await asyncio.sleep(0.01)
await wait()
signal.signal(signal.SIGALRM, lambda *_: None); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.05)
platform.platform(), resource.getrusage(resource.RUSAGE_SELF), os.sched_getaffinity(0), os.getloadavg(), os.urandom(3)
resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
os.nice(1), os.cpu_count(), os.statvfs("/tmp"), socket.gethostname(), os.getpgid(0), os.sync()
"""
SHELL = """
!echo hello | tr a-z A-Z && head -c 10 /dev/zero | wc -c
files = !ls /tmp
%env A=1
%timeit -n 1 -r 1 1 + 1
"""
HONEST = {
    "workers of several loaders": WORKERS,
    "processes that share": PROCESSES,
    "libraries at work": LIBRARIES,
    "the system at work": SYSTEM,
    "lines for the shell": SHELL,
    "a cell for bash": "%%bash\nset -e\nmkdir -p /tmp/a && cd /tmp/a && echo x > x && tar cf x.tar x && gzip -k x",
}
MACHINE = {name: (around(cell), 7, statuses) for name, (cell, statuses) in ATTACKS.items()}
MACHINE |= {name: (around(cell, after=("print('went well')",)), 3, FINE) for name, cell in HONEST.items()}
