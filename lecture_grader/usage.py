"""What the processes of a submission use together: memory, cores, locks of files."""

import contextlib
import time
from pathlib import Path

MAX_PROCESSES = 48  # at once; the kernel counts threads as well
SOCKET_BYTES = 512 << 10  # that the kernel may hold for each socket
_HELD = ("VmRSS", "VmSwap", "VmPTE", "HugetlbPages")  # lines of /proc/PID/status
_TABLES = ("VmPTE", "HugetlbPages")
_SHARES = ("Pss", "SwapPss")  # lines of /proc/PID/smaps_rollup


class Usage:
    """Measures the processes below a launcher.

    Attributes:
        memory: bytes that they held when they were last measured.
        processes: how many they were.
        locks: how many file locks they held.
        greedy: whether, for some second, they used more cores than their share or many more processes waited for one.

    Args:
        pid: of the launcher, which is not measured itself.
        max_memory: bytes; above it, memory that processes share is counted once, which is slow.
        cores: their share.
        counts_sockets: whether they have a network namespace of their own, whose sockets can be counted.
    """

    def __init__(self, pid: int, max_memory: int, cores: int, counts_sockets: bool):
        self.memory = self.processes = self.locks = 0
        self.greedy = False
        self._pid, self._max_memory, self._cores, self._counts_sockets = pid, max_memory, cores, counts_sockets
        self._seconds: dict[tuple[int, float], float] = {}  # of processor time, by process
        # the present window: its start, the processor time before it, and how many processes ran at each measurement
        self._window: tuple[float, float, list[int]] = (time.monotonic(), 0.0, [])

    def measure(self) -> None:
        """Update the attributes. If there are too many processes, only their number: the rest would take too long."""
        import psutil  # only where something is graded

        family = []
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self._pid).children(recursive=True)
        self.processes = len(family)
        if self.processes > MAX_PROCESSES:
            return
        self._measure_cores(family)
        held = {child.pid: _bytes(f"/proc/{child.pid}/status", _HELD) for child in family}
        buffers = _sockets(family[0].pid) * SOCKET_BYTES if family and self._counts_sockets else 0
        if sum(held.values()) + buffers > self._max_memory:
            for pid in held:
                with contextlib.suppress(PermissionError):  # a process that cannot be read counts with all its pages
                    shared = _bytes(f"/proc/{pid}/smaps_rollup", _SHARES)
                    held[pid] = shared + _bytes(f"/proc/{pid}/status", _TABLES)
        self.memory = sum(held.values()) + buffers
        self.locks = _locks(set(held))

    def _measure_cores(self, family: list) -> None:
        """Decide once a second whether the processes are greedy, which slows their neighbours down."""
        import psutil

        begun, before, running = self._window
        running.append(0)
        for child in family:
            with contextlib.suppress(psutil.Error), child.oneshot():
                times = child.cpu_times()
                self._seconds[child.pid, child.create_time()] = times.user + times.system
                running[-1] += child.status() == psutil.STATUS_RUNNING
        now, seconds = time.monotonic(), sum(self._seconds.values())
        if now - begun >= 1:
            too_long = seconds - before > 1.25 * self._cores * (now - begun)
            self.greedy |= too_long or sum(running) > 2 * self._cores * len(running)
            self._window = (now, seconds, [])


def _bytes(file: str, names: tuple[str, ...]) -> int:
    """The sum of these lines of a file about a process, in bytes; 0 if it has ended.

    Raises:
        PermissionError: the process may not be read.
    """
    try:
        lines = (line.split() for line in Path(file).read_text().splitlines())
        return sum(int(line[1]) for line in lines if line[0].rstrip(":") in names) << 10
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _sockets(pid: int) -> int:
    """The number of sockets in a process's network namespace, those that are being sent to another process included."""
    with contextlib.suppress(OSError, IndexError, ValueError):  # it has ended
        return int(Path(f"/proc/{pid}/net/sockstat").read_text().split()[2])
    return 0


def _locks(family: set[int]) -> int:
    """The number of file locks of these processes, among the first few thousand: reading all may take minutes."""
    with contextlib.suppress(OSError), Path("/proc/locks").open("rb") as file:
        lines = [line.split() for line in file.read(256 << 10).splitlines()]
        return sum(len(line) > 7 and int(line[-4]) in family for line in lines)
    return 0
