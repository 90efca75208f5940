"""A history of a billion rows, made by `tenure generate`: does a question of it fit, and what does a row cost."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from contest import HISTORY, Contest, Contestant, peer_contestant, tenure_contestant
from measure import ProcessReading, measure, need_disk, say, size
from prepare import ROWS_PER_CUSTOMER, quoted
from questions import Q1, forms

BYTES_PER_ROW = 40
MEMORY_LIMIT = 8 * 2**30
SAMPLE_SECONDS = 0.2


@dataclass
class Billion:
    """What was found at this size."""

    rows: int
    generated: ProcessReading
    disk_bytes: int
    history_bytes: int
    large: Contestant
    small: Contestant
    others: float

    @property
    def peak_bytes(self) -> int:
        return max(self.generated.peak_bytes, self.large.peak_bytes)

    def per_row(self, cost: Callable[[Contestant], float], rows: int) -> float:
        """A row's cost here, as a multiple of a row's cost in the run on so many rows."""
        return (cost(self.large) / self.rows) / (cost(self.small) / rows)


class DiskWatch:
    """The most that was taken of a disk while this was open."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.free = self.least = shutil.disk_usage(directory).free
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        while not self.done.wait(SAMPLE_SECONDS):
            self.least = min(self.least, shutil.disk_usage(self.directory).free)

    def __enter__(self) -> "DiskWatch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    @property
    def taken(self) -> int:
        return self.free - self.least


def run(
    tenure: Path, python: Path, threads: int, rows: int, rounds: int, small_history: Path, scratch: Path
) -> Billion:
    """Makes the history, asks it in turn with the small one, and takes its disk back."""
    history, output = scratch / "billion", scratch / "billion.csv"
    shutil.rmtree(history, ignore_errors=True)
    need_disk(scratch, rows * BYTES_PER_ROW, f"a history of {rows:,} rows and its scratch")
    try:
        say(f"generating a history of {rows:,} rows")
        customers = str(rows // ROWS_PER_CUSTOMER)
        command: list[str | Path] = [
            tenure,
            "generate",
            "--customers",
            customers,
            "--events",
            str(rows),
            "--seed",
            "1",
            "-q",
        ]
        with DiskWatch(scratch) as disk:
            generated, _ = measure([*command, "-o", history, "--threads", str(threads)])
        os.sync()
        data, question = f"history of {rows:,} rows", replace(Q1, name="large")
        contest = Contest()
        large = contest.add(tenure_contestant(tenure, threads, question, data, [history], output))
        small = contest.add(tenure_contestant(tenure, threads, Q1, HISTORY, [small_history], output))
        # DuckDB reads the files of the history themselves.
        for form, query in forms("duckdb_history", "q1", files=quoted(history / "activity" / "*.parquet")).items():
            contest.check(peer_contestant(python, threads, "duckdb", question.name, form, "the history's files", query))
        contest.try_all()
        contest.take_rounds(rounds)
        return Billion(rows, generated, max(disk.taken, size(history)), size(history), large, small, contest.others)
    finally:
        shutil.rmtree(history, ignore_errors=True)
        output.unlink(missing_ok=True)
