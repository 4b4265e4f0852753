"""Set up the course and open it: ``python start.py``, the same on Linux, macOS and Windows.

The first call makes a virtual environment in ``.venv``, installs what the notebooks need, and looks whether the machine
is ready; each call opens JupyterLab. Only the standard library is used, and only what Python 3.8 understands, so that
an older Python can still say which one is needed.
"""

import argparse
import contextlib
import functools
import hashlib
import itertools
import json
import os
import platform
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
RECORD = VENV / "installed.json"  # written when everything is installed
WINDOWS = sys.platform == "win32"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
PYTHONS = [(3, 13), (3, 12), (3, 14), (3, 11)]  # all packages have wheels for these; the first one found is taken
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
GET_PIP = os.environ.get("GET_PIP", "https://bootstrap.pypa.io/get-pip.py")
COLAB = "open the lectures in Colab instead, with the links in README.md: nothing is installed there"
SILENT = " and is silent for minutes after it says: Installing collected packages"
COMMAND = "py start.py" if WINDOWS else "python3 start.py"
IN_USE = "stop JupyterLab and close what else uses the folder .venv, such as VS Code: Windows locks files in use"
LONGEST = 80  # characters of a folder's path; the longest path in .venv adds 170


class Stop(Exception):
    """What was wrong, and what to do about it."""

    def __init__(self, problem: str, remedy: str):
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Set up the course in .venv the first time, then open JupyterLab.",
        epilog="Other arguments are passed on to JupyterLab, such as --no-browser or --allow-root.",
    )
    parser.add_argument("--no-open", action="store_true", help="only set up, do not open JupyterLab")
    parser.add_argument("--extras", default="student", help="what to install, of the extras in pyproject.toml")
    parser.add_argument("--update", action="store_true", help="fetch the newest notebooks first; your own work is kept")
    parser.add_argument("--newest", action="store_true", help="the newest versions, not those of constraints.txt")
    arguments, for_jupyter = parser.parse_known_args()
    step = "Python"
    try:
        if sys.version_info[:2] not in PYTHONS:
            return run_again_with(other_python())
        step = "this machine"
        look_at_machine()
        if arguments.update:
            step = "updating"
            update()
        step = "installing"
        if install(set(arguments.extras.split(",")), arguments.newest):
            step = "looking at the result"
            say("checking the installation (up to half a minute)")
            subprocess.call([str(PYTHON), "-m", "course_tools", "doctor", "--brief"], cwd=str(ROOT))
        if arguments.no_open:
            return 0
        step = "JupyterLab"
        return open_jupyterlab(for_jupyter)
    except Stop as stop:
        say("")
        say(f"start.py stopped at: {step} - {stop.problem}")
        say(f"  what to do: {stop.remedy}")
    except KeyboardInterrupt:
        say("")
        say("start.py was interrupted; run the same command again, and it continues where it stopped")
    return 1


def say(text: str) -> None:
    """Print a line that any console can show."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


# --- Python and the machine


def other_python() -> "list[str]":
    """The command of a Python that the course runs on.

    Raises:
        Stop: there is none.
    """
    for major, minor in PYTHONS:
        version = f"{major}.{minor}"
        for command in ([["py", "-" + version]] if WINDOWS else []) + [["python" + version]]:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                asked = [*command, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
                if subprocess.check_output(asked, stderr=subprocess.DEVNULL, timeout=20).decode().strip() == version:
                    return command
    problem = wrong_python() + ", and none of these was found"
    remedy = "install Python 3.13 from https://www.python.org/downloads/ and run this command again; or "
    if sys.platform == "linux":  # python.org has only its source
        remedy = "install uv (https://docs.astral.sh/uv/), then: uv run --no-project --python 3.13 start.py; or "
    raise Stop(problem, remedy + COLAB)


def wrong_python() -> str:
    return "this is Python {}.{}; the course needs 3.11 to 3.14".format(*sys.version_info)


def run_again_with(command: "list[str]") -> int:
    say(f"{wrong_python()}: using {' '.join(command)}")
    return subprocess.call([*command, str(Path(__file__).resolve()), *sys.argv[1:]])


def look_at_machine() -> None:
    """
    Raises:
        Stop: PyTorch cannot be installed here.
    """
    problem = why_no_torch(platform.system(), platform.machine(), sys.maxsize > 2**32, system_version())
    if problem:
        raise Stop(problem, COLAB)
    if RECORD.exists():
        return
    free = shutil.disk_usage(str(ROOT)).free / 2**30
    needed = 9 if sys.platform == "linux" and not takes_cpu_wheels() else 3
    if free < needed:
        problem = f"only {free:.1f} GB of disk space are free in {ROOT}, and the course needs {needed} GB"
        raise Stop(problem, "free some space, or copy this folder to a larger disk; or " + COLAB)


def system_version() -> str:
    """The version of macOS, or of the C library of Linux with its name, such as ``14.2`` or ``glibc 2.36``."""
    if platform.system() == "Darwin":
        return platform.mac_ver()[0]
    return " ".join(platform.libc_ver()).strip() if platform.system() == "Linux" else ""


def why_no_torch(system: str, machine: str, is_64_bit: bool, version: str) -> str:
    """Why PyTorch has no wheel for a machine, in a sentence; empty if it has one.

    Args:
        system: as ``platform.system()`` says.
        machine: as ``platform.machine()`` says.
        is_64_bit: whether the Python is.
        version: see `system_version`.
    """
    machine = machine.lower()
    numbers = [int(part) for part in version.split(" ")[-1].split(".") if part.isdigit()]
    if not is_64_bit:
        return "this Python is a 32-bit one, for which PyTorch is not made"
    if system == "Darwin":
        if machine != "arm64":
            return "PyTorch is no longer made for Macs with an Intel processor, or for a Python that is made for them"
        return "PyTorch needs macOS 14 or newer, and this is macOS " + version if numbers[:1] < [14] else ""
    if system == "Windows":
        return "" if machine in ("amd64", "x86_64") else "PyTorch is not made for Windows on an ARM processor"
    if system != "Linux":
        return f"PyTorch is not made for {system}"
    if machine not in ("x86_64", "amd64", "aarch64", "arm64"):
        return f"PyTorch is not made for Linux on {machine}"
    if not version.startswith("glibc"):
        return "PyTorch needs a Linux with glibc, and this one has another C library (Alpine's, for example)"
    return "PyTorch needs glibc 2.28 or newer, and this is " + version if numbers < [2, 28] else ""


@functools.lru_cache(maxsize=None)  # noqa: UP033 - an older Python has to understand this file, too
def takes_cpu_wheels() -> bool:
    """Whether this is a Linux that needs no CUDA, and the page that has PyTorch without it answers."""
    if sys.platform != "linux" or has_nvidia_gpu():
        return False
    try:
        with urllib.request.urlopen(CPU_WHEELS + "/torch/", timeout=3) as page:
            return page.status == 200
    except (OSError, ValueError):
        return False


def has_nvidia_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


# --- the newest version


def update() -> None:
    """Fetch the newest version. What is yours and in its way is moved to the folder ``my``.

    Raises:
        Stop: this is no clone, or it cannot be brought up to date.
    """
    if not (ROOT / ".git").exists():
        remedy = "download the course again into a new folder, and copy your own notebooks there"
        raise Stop("this copy of the course was not made with git", remedy)
    if not shutil.which("git"):  # GitHub Desktop has a git of its own
        remedy = "install git (https://git-scm.com/downloads), open a new terminal and run the same command again"
        raise Stop("git is not installed, or the terminal does not find it", remedy)
    as_it_says = "do what the lines above say, then run the same command again"
    git("rev-parse", "--git-dir", problem="git does not work in this folder", remedy=as_it_says)
    alone = "this clone follows no branch of the course's repository"
    back = "git checkout main, and then the same command again; or download the course again into a new folder"
    git("rev-parse", "--verify", "--quiet", "@{upstream}", problem=alone, remedy=back)
    git("fetch", "--quiet", remedy="check that you are online, then run the same command again")
    new = git("diff", "--name-only", "--no-renames", "-z", "HEAD...@{upstream}")
    if not new:
        say("the course is up to date")
        return
    own = "you have commits of your own that the course does not have"
    git("merge-base", "--is-ancestor", "HEAD", "@{upstream}", problem=own, remedy="git pull --rebase --autostash")
    try:
        moved = move_to_my(new)
    except OSError as error:
        remedy = "free some space, check that you may write here, or close the file in the program that has it open; "
        remedy += "then run the same command again: nothing is lost"
        raise Stop(f"your own files cannot be kept in the folder my ({error})", remedy) from None
    if moved:
        git("reset", "--quiet", "--", *moved)
    gone = new & git("diff", "--name-only", "--no-renames", "-z", "HEAD")
    if gone:
        git("checkout", "--quiet", "HEAD", "--", *sorted(gone))
    git("merge", "--quiet", "--ff-only", "--no-overwrite-ignore", "@{upstream}")
    say(f"updated: {len(new)} {'file' if len(new) == 1 else 'files'}")


def move_to_my(new: "set[str]") -> "list[str]":
    """Move what is the student's own and in the way of these files; the names of what was moved."""
    changed = git("diff", "--name-only", "--no-renames", "-z", "HEAD")
    theirs = git("ls-tree", "-r", "-z", "--name-only", "HEAD") - changed
    stamp = time.strftime("%Y-%m-%d %H%M%S")
    names = (stamp + (f" ({number})" if number else "") for number in itertools.count())
    keep = next(ROOT / "my" / name for name in names if not (ROOT / "my" / name).exists())
    moved = []
    for name in sorted(new):
        # Its folders too, from the outermost one: where the course has a folder, the student may have a file.
        for part in (*list(reversed(Path(name).parents))[1:], Path(name)):
            here, there = ROOT / part, keep / part
            is_folder = here.is_dir() and not here.is_symlink() and part != Path(name)
            if os.path.lexists(str(here)) and not is_folder and part.as_posix() not in theirs:
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(str(here), str(there))
                moved.append(part.as_posix())
                say(f"{part.as_posix()} has changed in the course; your own version is now {there.relative_to(ROOT)}")
    if moved:
        say("copy your answers from there into the new version")
    return moved


def git(*words: str, problem: str = "", remedy: str = "read the lines above for the reason") -> "set[str]":
    """What git prints, split at NUL.

    Raises:
        Stop: it failed.
    """
    done = subprocess.run(["git", "--literal-pathspecs", *words], cwd=str(ROOT), stdout=subprocess.PIPE)
    if done.returncode:
        raise Stop(problem or f"git {words[0]} failed", remedy)
    return set(os.fsdecode(done.stdout).split("\0")) - {""}


# --- the environment


def install(extras: "set[str]", newest: bool) -> bool:
    """Install what is not there yet; whether anything was installed.

    Args:
        extras: of pyproject.toml. What an earlier call has installed stays.
        newest: take the newest versions instead of the tested ones.

    Raises:
        Stop: it could not be installed.
    """
    record = {}
    with contextlib.suppress(OSError, ValueError):
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    wanted = "newest" if newest else fingerprint()
    moved = record.get("folder", str(ROOT)) != str(ROOT)  # the environment holds the old path in many files
    if record.get("of") == wanted and extras <= set(record["extras"]) and not moved and python_answers():
        return False
    begun = time.monotonic()
    make_environment(anew=moved)
    extras |= set(record.get("extras", []))
    with contextlib.suppress(FileNotFoundError):
        RECORD.unlink()
    packages = ["--editable", ".[{}]".format(",".join(sorted(extras)))]
    if not newest:
        packages += ["--constraint", "constraints.txt"]
    say(f"installing into {VENV.name} ({how_large()})")
    say("this takes a few minutes; in the last one or two, all files are compiled, and nothing moves on the screen")
    if not (install_with_uv(packages) or install_with_pip(packages)):
        raise Stop(*why_not_installed())
    no_news()
    RECORD.write_text(json.dumps({"of": wanted, "extras": sorted(extras), "folder": str(ROOT)}), encoding="utf-8")
    say(f"installed in {time.monotonic() - begun:.0f} s")
    return True


def no_news() -> None:
    """Keep JupyterLab from asking newcomers about its news, as the slow ``jupyter labextension disable`` does."""
    config = VENV / "etc/jupyter/labconfig/page_config.json"
    if not config.exists():
        config.parent.mkdir(parents=True, exist_ok=True)
        disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        config.write_text(json.dumps(disabled), encoding="utf-8")


def fingerprint() -> str:
    """Another text whenever something else is to be installed."""
    files = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"".join(files)).hexdigest()


def python_answers() -> bool:
    """Whether the environment has a Python that the course runs on: the system may have lost or exchanged it."""
    asked = f"import sys; raise SystemExit(sys.version_info[:2] not in {PYTHONS})"
    try:
        return subprocess.call([str(PYTHON), "-c", asked], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def has_installer() -> bool:
    """Whether the environment can be filled. After Ctrl-C at the wrong moment it has a Python, but no pip."""
    if shutil.which("uv"):
        return True
    words = [str(PYTHON), "-m", "pip", "--version"]
    return subprocess.call(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def make_environment(anew: bool) -> None:
    """
    Args:
        anew: even if there is one that seems to work.

    Raises:
        Stop: no virtual environment could be made.
    """
    if not anew and python_answers() and has_installer():
        return
    time_needed = "a few seconds"
    if VENV.exists():
        time_needed = "a minute or two, since the one that is there has to be removed"
    say(f"making a virtual environment in {VENV.name} ({time_needed})")
    try:
        VENV.mkdir(exist_ok=True)
    except OSError as error:
        remedy = "copy this folder to one where you may write, such as your home folder, and run start.py there"
        raise Stop(f"nothing can be written in {ROOT} ({error.strerror})", remedy) from None
    words = ["-m", "venv", "--clear", str(VENV)]
    done = subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode:  # Debian's Python may come without ensurepip: pip is fetched
        subprocess.call([sys.executable, *words, "--without-pip"])
        with contextlib.suppress(OSError), urllib.request.urlopen(GET_PIP, timeout=60) as page:
            done = subprocess.run([str(PYTHON), "-", "--quiet"], input=page.read())
    if done.returncode:
        first = IN_USE if WINDOWS else "on Debian or Ubuntu: sudo apt install python3-venv"
        remedy = f"read the lines above, then run the same command again; before that, {first}"
        raise Stop("no virtual environment could be made", remedy)


def how_large() -> str:
    if sys.platform != "linux":
        return "about 0.3 GB to download"
    if takes_cpu_wheels():
        return "about 0.4 GB to download, PyTorch for the processor since there is no NVIDIA GPU"
    why = "" if has_nvidia_gpu() else ", since the page of PyTorch for the processor does not answer"
    return "about 3 GB to download, PyTorch with CUDA" + why


def why_not_installed() -> "tuple[str, str]":
    """The problem and the remedy, as far as a look at the network tells."""
    from course_tools.doctor import check_proxy  # needs a Python of the course's, and nothing that is installed

    finding = check_proxy()
    problem, again = "the packages could not be installed", ", then run the same command again"
    if finding.level == "good":
        remedy = "read the lines above for the reason"
        if WINDOWS:
            remedy += f"; {IN_USE}"
            if len(str(ROOT)) > LONGEST:
                remedy += f"; move this folder, whose path has {len(str(ROOT))} characters, to a shorter one such as "
                remedy += "C:\\course, since many programs allow 260 for the path of a file"
        return problem, remedy + again
    return f"{problem}: {finding.text}", f"read the lines above; {finding.remedy}{again}"


def has_certificates() -> bool:
    """Whether the system keeps certificates; a company's or a school's own may be among them."""
    paths = ssl.get_default_verify_paths()
    return sys.platform != "linux" or bool(paths.cafile or (paths.capath and os.listdir(paths.capath)))  # noqa: PTH208


def install_with_uv(packages: "list[str]") -> bool:
    """Install with uv, which takes a fraction of pip's time; whether that was possible."""
    uv = shutil.which("uv", path=str(PYTHON.parent)) or shutil.which("uv")
    if not uv:
        subprocess.call([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"])
        uv = shutil.which("uv", path=str(PYTHON.parent))
    if not uv:
        say("uv could not be installed: using pip, which takes longer" + SILENT)
        return False
    environment = dict(os.environ, VIRTUAL_ENV=str(VENV))
    of_pip = {"UV_DEFAULT_INDEX": "PIP_INDEX_URL", "UV_FIND_LINKS": "PIP_FIND_LINKS", "SSL_CERT_FILE": "PIP_CERT"}
    for ours, theirs in of_pip.items():
        if theirs in os.environ:  # a mirror, a folder of wheels, or a proxy's certificate
            environment.setdefault(ours, os.environ[theirs])
    if "onedrive" in str(VENV).lower():  # which refuses hard links
        environment.setdefault("UV_LINK_MODE", "copy")
    if has_certificates():  # as pip does; uv brings certificates of its own
        environment.setdefault("UV_SYSTEM_CERTS", "true")
    backend = ["--torch-backend", "cpu"] if takes_cpu_wheels() else []
    # without the compiled files the first import of each package takes several times as long
    words = [uv, "pip", "install", "--python", str(PYTHON), "--compile-bytecode", *backend, *packages]
    if subprocess.call(words, cwd=str(ROOT), env=environment) == 0:
        return True
    say("uv failed: trying again with pip, which takes longer" + SILENT)
    return False


def install_with_pip(packages: "list[str]") -> bool:
    index = ["--extra-index-url", CPU_WHEELS] if takes_cpu_wheels() else []
    words = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *index, *packages]
    return subprocess.call(words, cwd=str(ROOT)) == 0


# --- JupyterLab


def lab_arguments(root: Path) -> "list[str]":
    """What a Python gets to run JupyterLab with all of the course in sight, on the start page."""
    page = "/lab/tree/START.ipynb"
    return ["-m", "jupyter", "lab", "--ServerApp.root_dir=" + str(root), "--LabApp.default_url=" + page]


def open_jupyterlab(arguments: "list[str]") -> int:
    """Open it on the start page, with the course's folder as its root; end when it ends."""
    stop = "Ctrl-C here" if WINDOWS else "Ctrl-C here, then y"  # on Windows JupyterLab does not ask
    say(f"starting JupyterLab; keep this window open. To stop: {stop}. To start again: {COMMAND}")
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is JupyterLab's
    status = subprocess.call([str(PYTHON), *lab_arguments(ROOT), *arguments], cwd=str(ROOT))
    if status not in (0, -signal.SIGINT, 0xC000013A):  # the others are Ctrl-C before JupyterLab waits for it
        raise Stop(f"it ended with status {status}", f"read the lines above for the reason, then run {COMMAND} again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
