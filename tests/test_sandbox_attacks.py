"""What a program in the sandbox tries against the machine: memory that nobody counts, calls, sockets, files, cores.

Each is a small program for a plain Python, which starts in a moment; tests/grading_bank holds whole notebooks.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT

from lecture_grader import control_groups, sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
HEAD = """
import ctypes, errno, mmap, os, resource, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype, MB = ctypes.c_void_p, 1 << 20
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def say(*words): print(*words, file=sys.stderr, flush=True)
def call(number, *arguments):
    "The result of a system call, or the name of its error."
    ctypes.set_errno(0)
    result = libc.syscall(*map(ctypes.c_long, (number, *arguments)))
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result
"""
X86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the calls are those of x86-64")


def inside(program, seconds=60, **limits):
    """Run a program in a sandbox: its exit status, what it said, why it was stopped, and the most memory it held."""
    box = sandbox.Sandbox(
        [sys.executable, "-I", "-S", "-c", HEAD + program], sandbox.Limits(**({"memory_mb": 256} | limits))
    )
    watch = threading.Thread(target=box.watch, daemon=True)
    watch.start()
    try:
        deadline = time.monotonic() + seconds
        while box.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        said = box.stderr_tail()
        lost = box.process.poll() is None
    finally:
        status = box.end()
    assert not lost, f"it still ran after {seconds} s: {said}"
    return status, said, box.stopped


# --- system calls ------------------------------------------------------------------------------------------------

FORGOTTEN = {  # memory or doors that no process is seen to hold, and calls that are newer than the filter
    "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240,
    "io_setup": 206, "io_uring_setup": 425, "userfaultfd": 323, "perf_event_open": 298, "vmsplice": 278, "tee": 276,
    "splice": 275, "remap_file_pages": 216, "keyctl": 250, "add_key": 248, "open_tree_attr": 467, "fspick": 433,
    "fanotify_init": 300, "landlock_create_ruleset": 444, "personality": 135, "process_madvise": 440, "clone3": 435,
    "statmount": 457, "listmount": 458, "modify_ldt": 154, "kcmp": 312, "pidfd_getfd": 438, "iopl": 172,
    "lookup_dcookie": 212, "one of next year": 500, "one of the next decade": 1000, "the highest": 0x3FFFFFFF,
}  # fmt: skip


@X86_64
def test_a_call_that_no_notebook_needs_fails_as_on_a_kernel_without_it():
    program = f"for name, number in {FORGOTTEN!r}.items(): say(name, '=', call(number, 0, 0, 0, 0, 0, 0))"
    status, said, _ = inside(program)
    assert status == 0, said
    assert dict(line.split(" = ") for line in said.splitlines()) == dict.fromkeys(FORGOTTEN, "ENOSYS")


@X86_64
@pytest.mark.parametrize("call", ["ptrace", "mount", "unshare", "setns", "bpf", "clone", "x32", "32 bits"])
def test_a_call_without_innocent_use_ends_the_process(call):
    numbers = {"ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321}
    program = f"call({numbers.get(call)}, 0x10000000, 0, 0, 0, 0, 0); say('it went on')"
    if call == "clone":
        program = "call(56, 0x10000000 | 17, 0, 0, 0, 0); say('it went on')"
    elif call == "x32":
        program = "call(0x40000000 | 39); say('it went on')"
    elif call == "32 bits":
        program = (
            "code = bytes.fromhex('b814000000cd80c3')  # mov eax, 20; int 0x80; ret\n"
            "page = libc.mmap(None, 4096, 7, 0x22, -1, 0)\nctypes.memmove(page, code, len(code))\n"
            "ctypes.CFUNCTYPE(ctypes.c_int)(page)(); say('it went on')"
        )
    status, said, _ = inside(program)
    assert status == -signal.SIGSYS and "it went on" not in said


@X86_64
@pytest.mark.parametrize("upper", [0, 1 << 32, 0x7FFFFFFF << 32], ids=["", "with upper bits", "with all upper bits"])
def test_only_sockets_of_four_families_can_be_made(upper):
    program = f"""
for family in range(46):
    say(family, call(41, family | {upper}, 3 if family == 16 else 1, 0), call(53, family | {upper}, 1, 0, 0))
"""
    said = inside(program)[1].splitlines()
    made = {line.split()[0] for line in said if "EAFNOSUPPORT" not in line.split()[1]}
    pairs = {line.split()[0] for line in said if "EAFNOSUPPORT" not in line.split()[2]}
    assert made == {"1", "2", "10", "16"} and pairs <= made and len(said) == 46


@X86_64
def test_a_process_cannot_refuse_to_be_measured_or_bring_back_core_dumps():
    program = """
say(*[call(157, 4 | upper << 32, 0) for upper in (0, 1, 0x7fffffff)], call(157, 4, 1), call(157, 3))
say(resource.getrlimit(resource.RLIMIT_CORE))
limit = (ctypes.c_uint64 * 2)(0, 1)
for upper in (0, 1 << 32):
    say(call(160, 4 | upper, ctypes.addressof(limit)), call(302, 0, 4 | upper, ctypes.addressof(limit), 0))
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
say(resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    expected = ["EPERM EPERM EPERM 0 1", "(1, 1)", "EPERM EPERM", "EPERM EPERM", "(100, 100)"]
    assert inside(program)[1].splitlines() == expected


# --- memory that nobody counts -----------------------------------------------------------------------------------

SPENT = "say('it had', {0}); time.sleep(2); say('it was not stopped')"
REFUSED = {
    "shared mappings": "libc.mmap(None, MB, 3, 0x21, -1, 0)",
    "shared mappings, checked": "libc.mmap(None, MB, 3, 0x23, -1, 0)",
    "shared huge pages": "libc.mmap(None, 2 * MB, 3, 0x40021, -1, 0)",
    "shared mappings of zeros": "libc.mmap(None, MB, 3, 1, os.open('/dev/zero', os.O_RDWR), 0)",
    "shared mappings of zeros to read": "libc.mmap(None, MB, 1, 1, os.open('/dev/zero', os.O_RDONLY), 0)",
    "shared mappings of a full device": "libc.mmap(None, MB, 3, 1, os.open('/dev/full', os.O_RDWR), 0)",
    "Python's": "mmap.mmap(-1, MB)",
}


@pytest.mark.parametrize("name", REFUSED)
def test_memory_that_stays_when_it_is_not_mapped_is_refused(name):
    program = f"try:\n    got = {REFUSED[name]}\nexcept OSError:\n    got = None\n"
    said = inside(program + "say('refused' if got in (None, ctypes.c_void_p(-1).value) else got)")[1]
    assert said == "refused\n"


# Each takes more than the 256 MB it may, in memory that is not among its resident pages.
HOARDS = {
    "page tables": """
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
for _ in range(100):
    start = libc.mmap(None, 8 << 30, 1, 0x4022, -1, 0)
    libc.madvise(start, 8 << 30, 15)
    for place in range(start, start + (8 << 30), 2 << 20): ctypes.c_char.from_address(place).value
""",
    "sockets": """
held = []
for _ in range(450):
    pair = socket.socketpair()
    held.append(pair)
    for one in pair:
        one.setblocking(False)
        try:
            while True: one.send(bytes(60000))
        except BlockingIOError: pass
""",
    "sockets of several processes": """
held = []
for _ in range(2): os.fork()
for _ in range(200): held.append(socket.socketpair())
""",
    "sockets on their way": """
import array
held, (ours, theirs) = [], socket.socketpair()
for _ in range(400):
    a, b = socket.socketpair()
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [a.fileno(), b.fileno()]))])
    a.close(), b.close()
""",
    "a program that may not be read": """
import shutil
shutil.copy(sys.executable, "/tmp/program")
os.chmod("/tmp/program", 0o111)
code = "x = b'x' * (100 << 20); import time; time.sleep(5)"
for _ in range(4):
    if os.fork() == 0: os.execve("/tmp/program", ["p", "-S", "-c", code], {"PYTHONHOME": sys.base_prefix})
time.sleep(4)
""",
    "pages of several processes": """
for _ in range(4):
    if os.fork() == 0:
        x = b"x" * (100 << 20)
        time.sleep(5)
time.sleep(4)
""",
}


@pytest.mark.parametrize("way", ["control group", "measured"])
@pytest.mark.parametrize("name", HOARDS)
def test_more_memory_than_allowed_is_noticed_wherever_it_lies(name, way, monkeypatch):
    if way == "measured":
        monkeypatch.setattr(sandbox, "memory_folder", lambda: None)
    elif sandbox.memory_folder() is None:
        pytest.skip("no control group can be made here")
    _, said, stopped = inside(HOARDS[name] + SPENT.format(256), disk_mb=16)
    assert stopped == "it took more than 256 MB of memory", said
    assert "it was not stopped" not in said


LOCKS = {
    "of a file": """
file = open("/tmp/lock", "wb")
for place in range(30000): fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * place)
""",
    "of many files": """
held = [open(f"/tmp/{n}", "wb") for n in range(300)]
for place in range(300):
    for file in held: fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * place)
""",
    "of several processes": """
for _ in range(4): os.fork()
held = [open(f"/tmp/{os.getpid()}-{n}", "wb") for n in range(100)]
for file in held: fcntl.flock(file, fcntl.LOCK_EX)
""",
}


@pytest.mark.parametrize("name", LOCKS)
def test_more_locks_than_allowed_are_noticed(name):
    """The kernel keeps each, and to list many takes it minutes."""
    begun = time.monotonic()
    _, said, stopped = inside("import fcntl\n" + LOCKS[name] + SPENT.format("'many'"))
    assert stopped == "it held more than 500 locks of files at once", said
    assert "it was not stopped" not in said and time.monotonic() - begun < 20


HONEST = {
    "locks of files": "import fcntl\nheld = [open(f'/tmp/{n}', 'wb') for n in range(100)]\n"
    "for file in held: fcntl.flock(file, fcntl.LOCK_EX)\ntime.sleep(0.5)",
    "pages that processes share": """
x = b"x" * (150 << 20)
for _ in range(4):
    if os.fork() == 0:
        time.sleep(1); os._exit(0)
for _ in range(4): os.wait()
""",
    "some sockets": "held = [socket.socketpair() for _ in range(50)]; time.sleep(0.5)",
    "a file that is mapped": """
with open("/tmp/file", "wb") as file: file.truncate(8 << 20)
with open("/tmp/file", "r+b") as file: x = mmap.mmap(file.fileno(), 8 << 20)
x[:] = b"x" * len(x)
""",
    "zeros": "assert open('/dev/zero', 'rb').read(1000) == bytes(1000)",
    "a session of its own": """
import subprocess
subprocess.run(["true"], start_new_session=True, check=True)
""",
    "a data base": """
sys.path += []
import sqlite3
base = sqlite3.connect("/tmp/x.db"); base.execute("create table a (b)"); base.execute("insert into a values (1)")
base.commit()
""",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_no_attack_goes_on(name):
    status, said, stopped = inside(HONEST[name] + "\nsay('fine')")
    assert (status, said.splitlines()[-1:], stopped) == (0, ["fine"], "")


def test_the_kernel_keeps_the_limit_of_a_control_group():
    """Without the watch, so that nothing else can notice."""
    if sandbox.memory_folder() is None:
        pytest.skip("no control group can be made here")
    program = "for _ in range(2): os.fork()\nheld = b'x' * (60 << 20)\ntime.sleep(20)\nsay('it was not stopped')"
    limits = sandbox.Limits(memory_mb=100, disk_mb=16)
    box = sandbox.Sandbox([sys.executable, "-I", "-S", "-c", HEAD + program], limits)
    group = box._group.path
    box.process.wait(30)
    assert box.stopped == "it took more than 100 MB of memory" and "not stopped" not in box.stderr_tail()
    box.end()
    assert box.stopped == "it took more than 100 MB of memory" and not group.exists()


def test_the_first_line_says_how_memory_is_limited(monkeypatch):
    monkeypatch.setattr(sandbox, "memory_folder", lambda: Path("/"))
    assert "memory (by a control group)" in sandbox.protections()[-1]
    monkeypatch.setattr(sandbox, "memory_folder", lambda: None)
    assert "no control group" in sandbox.protections()[-1]


# --- files -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """A folder that submissions see, as they see /usr/local/lib."""
    folder = tmp_path / "lib"
    folder.mkdir()
    real = sandbox._system_folders()
    monkeypatch.setattr(sandbox, "_system_folders", lambda: (*real, folder))
    sandbox.copies_of_the_checks.cache_clear()
    yield folder
    sandbox.copies_of_the_checks.cache_clear()


def write(path, text="SECRET"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


FIND = """
for folder, _, names in os.walk({0!r}):
    for name in names:
        say(os.path.relpath(os.path.join(folder, name), {0!r}), "SECRET" in open(os.path.join(folder, name)).read())
"""
COPIES = [
    "python3.11/site-packages/lecture_checks/exercise_01.py",
    "python3.11/site-packages/lecture_utils/grading/checks/exercise_02.py",
    "python3/dist-packages/lecture_checks/exercise_03.py",
    "python3.12/site-packages/checks/exercise_04.py",
    "course/checks/exercise_01.py", "course/solutions/01.ipynb", "course/tests/answers/task.py", "course/.git/config",
    "lecture_utils-0.1.0.tar.gz", "lecture-utils-0.1.0.zip",
    "python3.11/site-packages/lecture_utils-0.1.0-py3-none-any.whl", "lecture_utils-0.1.0/checks/exercise_01.py",
]  # fmt: skip


def test_a_second_copy_of_the_checks_is_not_seen(shown):
    for copy in COPIES:
        write(shown / copy)
    write(shown / "python3.11/site-packages/library.py", "a library")
    write(shown / "elsewhere/exercise_01.py")
    (shown / "python3.13/site-packages").mkdir(parents=True)
    (shown / "python3.13/site-packages/lecture_checks").symlink_to(shown / "elsewhere")
    said = inside(FIND.format(str(shown)))[1]
    seen = dict(line.rsplit(" ", 1) for line in said.splitlines())
    assert seen.pop("python3.11/site-packages/library.py") == "False"
    assert set(seen.values()) <= {"False"}, seen


def test_what_lies_beside_libraries_is_not_shown(tmp_path, monkeypatch):
    """A class below /usr/local/src, or a home folder below a prefix of conda."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    for name in ("src/class/ann.ipynb", "home/me/notes", "pkgs/lecture/x.py", "lib/python3.11/os.py", "envs/x/lib/y"):
        write(tmp_path / name)
    sandbox._system_folders.cache_clear()
    try:
        folders = {str(path) for path in sandbox._system_folders()}
    finally:
        sandbox._system_folders.cache_clear()
    assert {path for path in folders if path.startswith(str(tmp_path))} == {str(tmp_path / "lib")}
    for secret in ("/usr/local/src/class", "/usr/src", "/root", "/home", "/opt", "/srv", "/etc/shadow", "/var"):
        assert not any(Path(secret).is_relative_to(folder) for folder in folders), secret


def test_a_class_that_submissions_could_read_is_refused(shown, tmp_path):
    write(shown / "class/ann.ipynb")
    write(tmp_path / "elsewhere/ann.ipynb")
    (tmp_path / "link").symlink_to(shown / "class")
    sandbox.check_not_shown([tmp_path / "elsewhere", tmp_path])
    for secret in (shown, shown / "class", shown / "class/ann.ipynb", tmp_path / "link", shown / "not there yet"):
        with pytest.raises(sandbox.SandboxError, match=r"could read .*: move it elsewhere"):
            sandbox.check_not_shown([tmp_path / "elsewhere", secret])
    with pytest.raises(sandbox.SandboxError, match="could read"):
        sandbox.check_not_shown([tmp_path / "elsewhere"], [tmp_path / "elsewhere"])


@pytest.mark.parametrize(("bound", "place"), [("class", "there"), ("class/ann", "there/b"), ("", "all")])
def test_a_class_that_is_mounted_a_second_time_is_refused(bound, place, tmp_path):
    write(tmp_path / "class/ann/a.ipynb")
    (tmp_path / "lib" / place).mkdir(parents=True)
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\nfrom lecture_grader import sandbox\n"
        f"sandbox._system_folders = lambda: (Path({str(tmp_path / 'lib')!r}),)\n"
        f"try: sandbox.check_not_shown([Path({str(tmp_path / 'class')!r})])\n"
        "except sandbox.SandboxError as error: print(error)"
    )
    command = f"mount --bind '{tmp_path / bound}' '{tmp_path / 'lib' / place}' && exec '{sys.executable}' -c \"$0\""
    done = subprocess.run(["unshare", "-rm", "sh", "-c", command, program], capture_output=True, text=True)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert "every submission could read" in done.stdout, done.stderr


def test_a_program_cannot_read_the_configuration_of_its_sandbox(shown):
    write(shown / "course-of-the-instructor/checks/exercise_01.py")
    said = inside("for pid in (1, os.getpid(), os.getppid()): say(open(f'/proc/{pid}/cmdline').read())")[1]
    assert "course-of-the-instructor" not in said and "launcher" in said


# --- what a killed grader leaves ---------------------------------------------------------------------------------


def test_what_a_killed_grader_left_is_removed_by_the_next(tmp_path, monkeypatch):
    program = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\nfrom lecture_grader import sandbox\n"
        "folder = sandbox.scratch_folder()\n(folder / 'x').mkdir()\nprint(folder, flush=True)\ntime.sleep(60)"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    killed, living, young = (Path(process.stdout.readline().strip()) for process in running)
    running[0].kill(), running[2].kill()
    running[0].wait(), running[2].wait()
    for folder in (killed, living):
        os.utime(folder, (1, 1))
    somebody = tmp_path / "lecture-fork-0"
    somebody.mkdir()
    os.utime(somebody, (1, 1))
    done = subprocess.run(
        [sys.executable, "-c", program.replace("time.sleep(60)", "")],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    running[1].kill()
    running[1].wait()
    assert [folder.exists() for folder in (killed, living, young, somebody)] == [False, True, True, True]
    assert not Path(done.stdout.strip()).exists(), "its own, at its end"


def test_groups_of_a_killed_grader_are_removed():
    folder = sandbox.memory_folder()
    if folder is None:
        pytest.skip("no control group can be made here")
    old = folder / f"{control_groups.PREFIX}{2**22 + 1}-0"
    old.mkdir()
    control_groups.memory_folder.__wrapped__()
    assert not old.exists()
