"""Processes and the machine under them: what a run cost, and who else was at work."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

Command = Sequence[str | Path]


class BenchError(Exception):
    """Something that the person who runs this can mend or should know."""


@dataclass(frozen=True)
class Reading:
    """What one run cost, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class ProcessReading(Reading):
    """What one process cost from its start to its end."""

    peak_bytes: int


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def start(command: Command, out: IO[bytes] | int, err: IO[bytes], cwd: Path | None = None) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd)
    except OSError as error:
        raise BenchError(f"can't run {command[0]}: {error.strerror}") from error


def reap(process: "subprocess.Popen[bytes]", began: float) -> ProcessReading:
    """Waits for the end of a process: what it cost."""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return ProcessReading(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def failed(command: Command, returncode: int, message: bytes) -> BenchError:
    shown = " ".join(str(part) for part in command[:3])
    return BenchError(f"{shown} … ended with {returncode}:\n{message.decode(errors='replace').strip()}")


def measure(command: Command, cwd: Path | None = None) -> tuple[ProcessReading, str]:
    """Runs a process alone: what it cost and what it wrote to standard output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = start(command, out, err, cwd)
        reading = reap(process, began)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            raise failed(command, process.returncode, err.read())
        return reading, out.read().decode()


def measure_first_byte(command: Command) -> tuple[Reading, bytes]:
    """Runs a process that answers on standard output: wall time to the first byte, CPU time of the whole process."""
    with tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = start(command, subprocess.PIPE, err)
        assert process.stdout is not None
        with process.stdout as stream:
            answer = stream.read(1)
            wall = time.perf_counter() - began
            answer += stream.read()
        reading = reap(process, began)
        if process.returncode != 0:
            err.seek(0)
            raise failed(command, process.returncode, err.read())
        return Reading(wall, reading.cpu), answer


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def warm(path: Path) -> None:
    """Reads a file, or all files of a directory, so that everybody finds them in the page cache."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb", buffering=0) as stream:
                while stream.read(1 << 24):
                    pass


def evict(directory: Path) -> None:
    """Drops the files of a directory from the page cache."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def need_disk(directory: Path, needed: int, purpose: str) -> None:
    """Refuses to start what would fill the disk."""
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise BenchError(
            f"{purpose}: about {needed / 2**30:.1f} GiB of disk needed, {free / 2**30:.1f} GiB free in {directory};"
            " --cache DIR takes another place"
        )


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent working since it started."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, *interrupts_and_steal = [int(tick) for tick in ticks[:8]]
    return (user + nice + system + sum(interrupts_and_steal)) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """CPU seconds that this process and the ones it has waited for have spent."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Neighbours:
    """Watches what other processes use of the machine while this exists."""

    def __init__(self) -> None:
        self.began, self.busy, self.own = time.perf_counter(), busy_seconds(), own_seconds()

    def cores(self) -> float:
        """The cores that others used since the start, on average."""
        others = (busy_seconds() - self.busy) - (own_seconds() - self.own)
        return max(0.0, others) / (time.perf_counter() - self.began)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{processor()}, {os.cpu_count()} cores, {memory / 2**30:.0f} GiB of memory"


def run_program(main: Callable[[], None]) -> None:
    """Runs a program; what its user can mend is one line."""
    try:
        main()
    except BenchError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
