#!/usr/bin/env python3
"""Reads the speed of `tenure ingest` beside DuckDB, on the same files in the same rounds.

See README.md for the method. Needs Linux and Python 3.11.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from measure import (
    BenchError,
    Command,
    Neighbours,
    ProcessReading,
    machine,
    measure,
    run_program,
    say,
    size,
    warm,
)
from page import mebibytes, seconds, table_row, times
from prepare import HERE, MAPPING, build_tenure, generate, peers_python, target_directory

RESULTS = HERE / "ingest.md"

# What DuckDB is asked to do, by name; each leaves its rows in ${out}.
DUCKDB = {
    "copy": "COPY (SELECT * FROM read_csv('{source}')) TO '{out}' (FORMAT parquet, COMPRESSION zstd)",
    "sorted from CSV": "CREATE TABLE events AS SELECT * FROM read_csv('{source}') ORDER BY user_id, event_time",
    "sorted from Parquet": "CREATE TABLE events AS SELECT * FROM read_parquet('{source}') ORDER BY user_id, event_time",
}

# Runs in the peers' environment: a statement with an own database file, then the rows that are there.
PEER = """
import sys, duckdb
threads, database, statement, count = sys.argv[1:5]
connection = duckdb.connect(database, config={"threads": int(threads)})
connection.execute("SET enable_progress_bar = false")
connection.execute(statement)
print(connection.execute(count).fetchone()[0], duckdb.__version__)
connection.close()
"""


@dataclass
class Task:
    """One way to bring a file into a form of its own."""

    name: str
    source: Path
    run: Callable[[], tuple[ProcessReading, int, int]]
    readings: list[ProcessReading] = field(default_factory=list)
    bytes_out: int = 0

    @property
    def wall(self) -> float:
        return median(reading.wall for reading in self.readings)

    @property
    def cpu(self) -> float:
        return median(reading.cpu for reading in self.readings)

    @property
    def peak(self) -> int:
        return max(reading.peak_bytes for reading in self.readings)


def tenure_task(tenure: Path, name: str, source: Path, scratch: Path, extra: list[str]) -> Task:
    history = scratch / "history"

    def run() -> tuple[ProcessReading, int, int]:
        shutil.rmtree(history, ignore_errors=True)
        command: Command = [tenure, "ingest", source, "--into", history, *MAPPING, "-q", "--format", "json", *extra]
        reading, output = measure(command)
        kept = json.loads(output)["rows_kept"]
        taken = size(history)
        shutil.rmtree(history)
        return reading, kept, taken

    return Task(name, source, run)


def duckdb_task(python: Path, threads: int, form: str, source: Path, scratch: Path) -> Task:
    database, out = scratch / "peer.duckdb", scratch / "peer.parquet"

    def run() -> tuple[ProcessReading, int, int]:
        for path in (database, database.with_suffix(".duckdb.wal"), out):
            path.unlink(missing_ok=True)
        statement = DUCKDB[form].format(source=source, out=out)
        counted = f"SELECT count(*) FROM '{out}'" if form == "copy" else "SELECT count(*) FROM events"
        reading, output = measure([python, "-c", PEER, str(threads), database, statement, counted])
        taken = (out if form == "copy" else database).stat().st_size
        return reading, int(output.split()[0]), taken

    return Task(f"DuckDB, {form}", source, run)


def run_rounds(tasks: list[Task], rows: int, rounds: int) -> float:
    """Takes the readings, in turn; gives the CPUs that other processes used meanwhile."""
    neighbours = Neighbours()
    for number in range(1, rounds + 1):
        say(f"{rows:,} rows, round {number} of {rounds}")
        for task in tasks:
            os.sync()
            warm(task.source)
            reading, kept, task.bytes_out = task.run()
            if kept != rows:
                raise BenchError(f"{task.name}: {kept:,} rows instead of {rows:,}")
            task.readings.append(reading)
    return neighbours.cores()


def table(tasks: list[Task]) -> list[str]:
    home = tasks[0]
    lines = [
        "| | wall s | CPU s | peak memory | bytes written | wall, × tenure | CPU, × tenure |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for task in tasks:
        walls = [reading.wall for reading in task.readings]
        lines.append(
            table_row(
                [
                    task.name,
                    f"{seconds(task.wall)} ({seconds(min(walls))}–{seconds(max(walls))})",
                    seconds(task.cpu),
                    mebibytes(task.peak),
                    mebibytes(task.bytes_out),
                    times(task.wall, home.wall),
                    times(task.cpu, home.cpu),
                ]
            )
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Reads the speed of tenure ingest beside DuckDB.")
    parser.add_argument("--rows", type=int, default=10_000_000, metavar="N", help="events as CSV (default: 10000000)")
    parser.add_argument(
        "--large", type=int, default=100_000_000, metavar="N", help="events as Parquet (default: 100000000; 0: none)"
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="readings of each way (default: 3)")
    parser.add_argument("--tenure", type=Path, metavar="PATH", help="the binary to measure (default: build it)")
    parser.add_argument("--cache", type=Path, default=target_directory() / "benches", metavar="DIR")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    threads = len(os.sched_getaffinity(0))
    tenure: Path = options.tenure.resolve() if options.tenure else build_tenure()
    cache: Path = options.cache.resolve()
    python = peers_python(cache)
    sections: list[str] = []
    for rows, kind in ((options.rows, "csv"), (options.large, "parquet")):
        if rows == 0:
            continue
        scratch = cache / str(rows)
        scratch.mkdir(parents=True, exist_ok=True)
        source = scratch / f"events.{kind}"
        generate(tenure, rows, source)
        tasks = [tenure_task(tenure, "tenure ingest", source, scratch, [])]
        if kind == "csv":
            forms = ["copy", "sorted from CSV"]
        else:
            forms = ["sorted from Parquet"]
            tasks.append(tenure_task(tenure, "tenure ingest --memory 768M", source, scratch, ["--memory", "768M"]))
        tasks += [duckdb_task(python, threads, form, source, scratch) for form in forms]
        others = run_rounds(tasks, rows, options.rounds)
        raw = source.stat().st_size
        sections += [
            f"## {rows:,} rows of {'CSV' if kind == 'csv' else 'Parquet (zstd, in the order of time)'}, {mebibytes(raw)}",
            "",
            *table(tasks),
            "",
            f"The history takes {100 * tasks[0].bytes_out / raw:.1f} % of the bytes of the {kind.upper() if kind == 'csv' else 'Parquet'} file."
            f" Others used {others:.2f} cores during the rounds.",
            "",
        ]
        for leftover in ("peer.duckdb", "peer.parquet"):
            (scratch / leftover).unlink(missing_ok=True)
    version = measure([tenure, "--version"])[1].strip()
    text = "\n".join(
        [
            "# Ingest beside DuckDB",
            "",
            "What it takes to bring an export into a form that questions are answered from: for tenure a history, clustered"
            " by customer; for DuckDB a Parquet file in the order of the export (copy), or a table sorted by user and time.",
            "Each is a whole process. [README.md](README.md) says how this is read.",
            "",
            *sections,
            f"- Date: {time.strftime('%Y-%m-%d')}",
            f"- Machine: {machine()}",
            f"- Load: {load:.2f} before the start",
            f"- Versions: {version}, DuckDB of requirements.txt",
            f"- Rounds: {options.rounds}, medians, with the least and the most of wall time in brackets",
            "",
        ]
    )
    RESULTS.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    run_program(main)
