#!/usr/bin/env python3
"""Reads the speed of tenure's monthly retention beside DuckDB and ClickHouse, on the same data in the same rounds.

See README.md for the method. Needs Linux and Python 3.11.
"""

import argparse
import csv
import json
import os
import platform
import shutil
import string
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
RESULTS = HERE / "results.md"
REQUIREMENTS = HERE / "requirements.txt"

ROWS_PER_CUSTOMER = 20
MAPPING = ["--customer", "user_id", "--time", "event_time", "--value", "amount", "--attribute", "country", "plan"]
USER_COLUMNS = {"user_id": "UUID", "uid": "int64"}

# Customers by cohort (year * 12 + month - 1) and age in months; cells without any are left out.
Cells = dict[tuple[int, int], int]


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


@dataclass(frozen=True)
class Setting:
    """What the readings were taken on."""

    rows: int
    rounds: int
    threads: int
    load: float
    others: float
    ingested: ProcessReading
    events_bytes: int
    history_bytes: int


@dataclass(frozen=True)
class Answer:
    """One reading with what it found and by whom."""

    reading: Reading
    cells: Cells
    version: str


@dataclass
class Contestant:
    """A way to have the query answered."""

    engine: str
    data: str
    form: str
    run: Callable[[], Answer]
    version: str = ""
    readings: list[Reading] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return median(reading.wall for reading in self.readings)

    @property
    def cpu(self) -> float:
        return median(reading.cpu for reading in self.readings)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(command: list[str | Path], cwd: Path | None = None) -> tuple[ProcessReading, str]:
    """Runs a process alone: what it cost and what it wrote to standard output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd)
        except OSError as error:
            raise BenchError(f"can't run {command[0]}: {error.strerror}") from error
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            shown = " ".join(str(part) for part in command[:3])
            message = err.read().decode(errors="replace").strip()
            raise BenchError(f"{shown} … ended with {process.returncode}:\n{message}")
        reading = ProcessReading(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
        return reading, out.read().decode()


def target_directory() -> Path:
    return (REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()


def build_tenure() -> Path:
    """The release binary of this repository, built if need be."""
    say("building tenure")
    try:
        subprocess.run(["cargo", "build", "--release"], cwd=REPOSITORY, check=True)
    except OSError as error:
        raise BenchError(f"can't run cargo: {error.strerror}; --tenure PATH takes a binary that is there") from error
    except subprocess.CalledProcessError as error:
        raise BenchError("cargo build --release failed") from error
    return target_directory() / "release" / "tenure"


def peers_python(cache: Path) -> Path:
    """The Python of an environment that holds the peers in their pinned versions, made if need be."""
    environment = cache / "venv"
    python = environment / "bin" / "python"
    installed = environment / "requirements.txt"
    if installed.is_file() and installed.read_text() == REQUIREMENTS.read_text():
        return python
    say("installing the peers")
    venv.create(environment, clear=True, with_pip=True)
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        REQUIREMENTS,
    ]
    if subprocess.run(install).returncode != 0:
        raise BenchError("the peers can't be installed: see pip's message above")
    shutil.copyfile(REQUIREMENTS, installed)
    return python


def queries(engine: str) -> dict[str, string.Template]:
    """The queries of an engine's file by name: each follows a line `-- name`."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (HERE / "sql" / f"{engine}.sql").read_text().splitlines():
        if line.startswith("-- q1."):
            name = line.removeprefix("-- ")
            found[name] = []
        elif name:
            found[name].append(line)
    return {name: string.Template("\n".join(lines).strip()) for name, lines in found.items()}


def cells_of_csv(path: Path) -> Cells:
    """The cells of tenure's long CSV that have customers."""
    cells: Cells = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["state"] != "unobserved" and row["retained"] != "0":
                year, month, _ = row["cohort"].split("-")
                cells[int(year) * 12 + int(month) - 1, int(row["age"])] = int(row["retained"])
    return cells


def tenure_contestant(
    tenure: Path, version: str, threads: int, data: str, source: list[str | Path], output: Path
) -> Contestant:
    command: list[str | Path] = [tenure, "retention", *source, "--format", "csv", "-q", "-o", output]
    command += ["--threads", str(threads)]

    def run() -> Answer:
        output.unlink(missing_ok=True)
        reading, _ = measure(command)
        return Answer(reading, cells_of_csv(output), version)

    return Contestant("tenure", data, "", run)


def peer_contestant(python: Path, engine: str, threads: int, data: str, form: str, query: str) -> Contestant:
    names = {"duckdb": "DuckDB", "clickhouse": "ClickHouse"}

    def run() -> Answer:
        _, output = measure([python, HERE / "peer.py", engine, str(threads), query])
        answer = json.loads(output)
        cells = {(cohort, age): count for cohort, age, count in answer["rows"]}
        return Answer(Reading(answer["wall"], answer["cpu"]), cells, answer["version"])

    return Contestant(names[engine], data, form, run)


def all_contestants(
    tenure: Path, python: Path, threads: int, events: Path, history: Path, scratch: Path
) -> list[Contestant]:
    """All ways that are compared, in the order in which a round runs them; tenure on the history is the first."""
    version = measure([tenure, "--version"])[1].strip()
    output = scratch / "retention.csv"
    found = [tenure_contestant(tenure, version, threads, "history", [history], output)]
    sql_path = "'" + str(events).replace("'", "''") + "'"
    sources = {"duckdb": sql_path, "clickhouse": f"file({sql_path}, Parquet)"}
    for column, kind in USER_COLUMNS.items():
        data = f"raw Parquet, {kind}"
        found.append(tenure_contestant(tenure, version, threads, data, [events, "--customer", column], output))
        for engine, source in sources.items():
            for form, template in queries(engine).items():
                query = template.substitute(events=source, user=column)
                found.append(peer_contestant(python, engine, threads, data, form, query))
    return found


def compare(contestant: Contestant, found: Cells, expected: Cells) -> None:
    """Refuses an answer that is not the same in every cell."""
    differing = [cell for cell in sorted(found.keys() | expected.keys()) if found.get(cell) != expected.get(cell)]
    if not differing:
        return
    lines = [
        f"  cohort {cohort // 12}-{cohort % 12 + 1:02}, age {age}: {found.get((cohort, age), 0)}"
        f" instead of {expected.get((cohort, age), 0)}"
        for cohort, age in differing[:5]
    ]
    raise BenchError(
        f"{contestant.engine} {contestant.form} on {contestant.data} differs from tenure on the history"
        f" in {len(differing)} cells:\n" + "\n".join(lines)
    )


def generate(tenure: Path, rows: int, events: Path) -> None:
    """Writes the events, unless they are there from an earlier run."""
    if events.exists():
        return
    say(f"generating {rows:,} events")
    unfinished = events.with_name("unfinished" + events.suffix)
    customers = str(rows // ROWS_PER_CUSTOMER)
    measure([tenure, "generate", "--customers", customers, "--events", str(rows), "--seed", "1", "-o", unfinished])
    unfinished.rename(events)


def ingest(tenure: Path, threads: int, events: Path, history: Path) -> ProcessReading:
    """Makes a new history of the events."""
    say("ingesting")
    shutil.rmtree(history, ignore_errors=True)
    reading, _ = measure([tenure, "ingest", events, "--into", history, *MAPPING, "--threads", str(threads), "-q"])
    return reading


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent working since it started."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, *interrupts_and_steal = [int(tick) for tick in ticks[:8]]
    return (user + nice + system + sum(interrupts_and_steal)) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """CPU seconds that this process and the ones it has waited for have spent."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run_rounds(contestants: list[Contestant], rounds: int) -> float:
    """Compares all answers, then takes the readings; gives the CPUs that other processes used meanwhile."""
    say("comparing the answers")
    expected: Cells = contestants[0].run().cells
    for contestant in contestants:
        answer = contestant.run()
        compare(contestant, answer.cells, expected)
        contestant.version = answer.version
    start, busy, own = time.perf_counter(), busy_seconds(), own_seconds()
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for contestant in contestants:
            answer = contestant.run()
            compare(contestant, answer.cells, expected)
            contestant.readings.append(answer.reading)
    others = (busy_seconds() - busy) - (own_seconds() - own)
    return max(0.0, others) / (time.perf_counter() - start)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def times(value: float, base: float) -> str:
    ratio = value / base
    decimals = 0 if ratio >= 10 else 1 if ratio >= 1 else 2
    return f"{ratio:.{decimals}f}×"


def mebibytes(value: int) -> str:
    return f"{value / 2**20:,.1f} MiB"


def best_forms(contestants: list[Contestant]) -> tuple[list[Contestant], list[Contestant]]:
    """The faster form of each engine on each data, and the forms that it beat."""
    best: dict[tuple[str, str], Contestant] = {}
    for contestant in contestants:
        key = (contestant.engine, contestant.data)
        if key not in best or contestant.wall < best[key].wall:
            best[key] = contestant
    return list(best.values()), [contestant for contestant in contestants if contestant not in best.values()]


def table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def speed_table(contestants: list[Contestant]) -> list[str]:
    home = contestants[0]
    same_data = {contestant.data: contestant for contestant in contestants if contestant.engine == "tenure"}
    lines = [
        "| engine | data | wall s | CPU s | wall, × history | CPU, × history | wall, × same data | CPU, × same data |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for contestant in contestants:
        walls = [reading.wall for reading in contestant.readings]
        equal = same_data[contestant.data]
        lines.append(
            table_row(
                [
                    f"{contestant.engine} {contestant.form}".strip(),
                    contestant.data,
                    f"{seconds(contestant.wall)} ({seconds(min(walls))}–{seconds(max(walls))})",
                    seconds(contestant.cpu),
                    times(contestant.wall, home.wall),
                    times(contestant.cpu, home.cpu),
                    times(contestant.wall, equal.wall),
                    times(contestant.cpu, equal.cpu),
                ]
            )
        )
    return lines


def report(contestants: list[Contestant], setting: Setting) -> str:
    """The page of results."""
    shown, beaten = best_forms(contestants)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    versions = list(dict.fromkeys(contestant.version for contestant in contestants))
    lines = [
        "# Monthly retention beside other engines",
        "",
        f"Cohorts by first activity × age in calendar months, distinct active customers: {setting.rows:,} events of"
        f" {setting.rows // ROWS_PER_CUSTOMER:,} customers over 36 months. All answers were the same in every cell."
        " [README.md](README.md) says what is counted for whom.",
        "",
        "Seconds are medians, with the least and the most of wall time in brackets. “× history” is the multiple of"
        " tenure on its history, “× same data” that of tenure on the same file and column.",
        "",
        *speed_table(shown),
        "",
    ]
    if beaten:
        slower = "; ".join(
            f"{contestant.engine} {contestant.form} on {contestant.data}: {seconds(contestant.wall)} s wall,"
            f" {seconds(contestant.cpu)} s CPU"
            for contestant in beaten
        )
        lines += [f"Slower forms of the same query, left out above: {slower}.", ""]
    lines += [
        "What a history costs, once:",
        "",
        "| | |",
        "|---|--:|",
        table_row(["ingest of the Parquet file, wall", f"{seconds(setting.ingested.wall)} s"]),
        table_row(["ingest, CPU", f"{seconds(setting.ingested.cpu)} s"]),
        table_row(["ingest, peak memory", mebibytes(setting.ingested.peak_bytes)]),
        table_row(["size of the history", mebibytes(setting.history_bytes)]),
        table_row(["size of the Parquet file (zstd)", mebibytes(setting.events_bytes)]),
        "",
        f"- Date: {time.strftime('%Y-%m-%d')}",
        f"- Machine: {processor()}, {os.cpu_count()} cores, {memory / 2**30:.0f} GiB of memory",
        f"- Threads of each engine: {setting.threads}",
        f"- Load: {setting.load:.2f} before the start; others used {setting.others:.2f} cores during the rounds",
        f"- Versions: {', '.join(versions)}",
        f"- Rounds: {setting.rounds}",
        "",
    ]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    def positive(text: str) -> int:
        if (value := int(text)) < 1:
            raise ValueError
        return value

    parser = argparse.ArgumentParser(description="Reads the speed of tenure beside DuckDB and ClickHouse.")
    parser.add_argument("--rows", type=positive, default=10_000_000, metavar="N", help="events (default: 10000000)")
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="readings of each way (default: 3)")
    parser.add_argument("--tenure", type=Path, metavar="PATH", help="the binary to measure (default: build it)")
    parser.add_argument(
        "--cache",
        type=Path,
        default=target_directory() / "benches",
        metavar="DIR",
        help="where the peers and the data are kept (default: benches in cargo's target directory)",
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    load = os.getloadavg()[0]
    threads = len(os.sched_getaffinity(0))
    tenure: Path = options.tenure.resolve() if options.tenure else build_tenure()
    cache: Path = options.cache.resolve()
    data = cache / str(options.rows)
    data.mkdir(parents=True, exist_ok=True)
    events, history = data / "events.parquet", data / "history"

    python = peers_python(cache)
    generate(tenure, options.rows, events)
    ingested = ingest(tenure, threads, events, history)
    os.sync()
    contestants = all_contestants(tenure, python, threads, events, history, data)
    others = run_rounds(contestants, options.rounds)
    setting = Setting(
        rows=options.rows,
        rounds=options.rounds,
        threads=threads,
        load=load,
        others=others,
        ingested=ingested,
        events_bytes=events.stat().st_size,
        history_bytes=size(history),
    )
    text = report(contestants, setting)
    RESULTS.write_text(text)
    print(text, end="")


def run_program(main: Callable[[], None]) -> None:
    """Runs a program; what its user can mend is one line."""
    try:
        main()
    except BenchError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run_program(main)
