#!/usr/bin/env python3
"""Reads the speed of tenure's questions beside DuckDB and ClickHouse, on the same data in the same rounds.

See README.md for the method. Needs Linux and Python 3.11.
"""

import argparse
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import billion
import many
import targets
from contest import (
    HISTORY,
    INT64,
    TABLE,
    UUID,
    Answer,
    Contest,
    Contestant,
    peer_contestant,
    tenure_contestant,
)
from measure import Command, evict, measure, measure_first_byte, need_disk, run_program, warm
from page import Setting, page
from prepare import (
    HERE,
    REPOSITORY,
    Made,
    build_tenure,
    generate,
    ingest,
    load_table,
    peers_python,
    quoted,
    target_directory,
)
from questions import ALL, BERLIN, PREDICATE, Q1, ROLLING, Question, forms

RESULTS = HERE / "results.md"
SAMPLE = REPOSITORY / "data" / "sample" / "events.csv"
SECTIONS = ("history", "raw", "predicate", "zones", "start", "many", "billion")
COLD = "history, not in the page cache"
USER_COLUMNS = {UUID: "user_id", INT64: "uid"}


@dataclass
class Bench:
    """Everything that the sections share: the engines and the data in their forms."""

    tenure: Path
    python: Path
    threads: int
    directory: Path
    events: Path
    history: Made | None
    table: Made | None
    contest: Contest

    def ask_tenure(self, question: Question, data: str = HISTORY) -> None:
        """tenure on its history, or on the raw file."""
        assert self.history is not None or data != HISTORY
        source: list[str | Path] = [self.history.path] if data == HISTORY and self.history else [self.events]
        if data in USER_COLUMNS:
            source += ["--customer", USER_COLUMNS[data]]
        output = self.directory / "answer.csv"
        self.contest.add(tenure_contestant(self.tenure, self.threads, question, data, source, output))

    def ask_raw(self, question: Question, data: str) -> None:
        """The peers on the raw file."""
        sources = {"duckdb": quoted(self.events), "clickhouse": f"file({quoted(self.events)}, Parquet)"}
        for engine, source in sources.items():
            for form, query in forms(engine, question.name, events=source, user=USER_COLUMNS[data]).items():
                self.contest.add(peer_contestant(self.python, self.threads, engine, question.name, form, data, query))

    def ask_table(self, question: Question, race: bool) -> None:
        """DuckDB on its own table, in the race or to check an answer."""
        assert self.table is not None
        for form, query in forms("duckdb_table", question.name).items():
            contestant = peer_contestant(
                self.python, self.threads, "duckdb", question.name, form, TABLE, query, self.table.path
            )
            if race:
                self.contest.add(contestant)
            else:
                self.contest.check(contestant)


def add_history(bench: Bench) -> None:
    for question in ALL:
        bench.ask_tenure(question)
        for data in USER_COLUMNS:
            bench.ask_raw(question, data)
        bench.ask_table(question, race=True)


def add_raw(bench: Bench) -> None:
    for data in USER_COLUMNS:
        bench.ask_tenure(Q1, data)
        bench.ask_raw(Q1, data)


def add_predicate(bench: Bench) -> None:
    for question in (Q1, PREDICATE):
        bench.ask_tenure(question)
    bench.ask_table(PREDICATE, race=False)


def add_zones(bench: Bench) -> None:
    for question in (Q1, BERLIN, ROLLING):
        bench.ask_tenure(question)
    for question in (BERLIN, ROLLING):
        bench.ask_table(question, race=False)


def add_cold(bench: Bench) -> None:
    """Q1 on a history that is not in the page cache. No target: it reads the disk as well as tenure."""
    assert bench.history is not None
    path, output = bench.history.path, bench.directory / "answer.csv"
    bench.contest.add(
        tenure_contestant(bench.tenure, bench.threads, Q1, COLD, [path], output, before=lambda: evict(path))
    )


def add_start(bench: Bench) -> Contestant:
    """A small history of the sample, asked on standard output."""
    small = bench.directory / "small"
    shutil.rmtree(small, ignore_errors=True)
    measure([bench.tenure, "ingest", SAMPLE, "--into", small, "-q"])
    version = measure([bench.tenure, "--version"])[1].strip()
    command: Command = [bench.tenure, "retention", small, "-q", "--threads", str(bench.threads)]

    def run() -> Answer:
        reading, answer = measure_first_byte(command)
        return Answer(reading, {("", 0, 0): answer.decode()}, version)

    return bench.contest.add(Contestant("tenure", "small history", "start", run))


def rows_of(
    sections: list[str], bench: Bench, start: Contestant | None, forty: list[Contestant]
) -> list[targets.Target]:
    """The rows of the table, section by section."""
    found: list[targets.Target] = []
    for name, rows in {
        "history": targets.history_rows,
        "raw": targets.raw_rows,
        "predicate": targets.predicate_rows,
        "zones": targets.zone_rows,
    }.items():
        if name in sections:
            found += rows(bench.contest)
    if start:
        found += targets.start_rows(start)
    if forty:
        found += targets.many_rows(forty[0], forty[1], len(many.QUERIES))
    return found


def prepare(options: argparse.Namespace, sections: list[str]) -> Bench:
    """The engines, and the forms of the data that the sections need."""
    tenure: Path = options.tenure.resolve() if options.tenure else build_tenure()
    measure([tenure, "--version"])
    cache: Path = options.cache.resolve()
    directory = cache / str(options.rows)
    directory.mkdir(parents=True, exist_ok=True)
    python = peers_python(cache)
    events, history, table = directory / "events.parquet", None, None
    if sections != ["start"]:
        generate(tenure, options.rows, events)
    if set(sections) & {"history", "predicate", "zones", "many", "billion"}:
        history = ingest(tenure, options.threads, options.rows, events, directory / "history")
    if set(sections) & {"history", "predicate", "zones"}:
        table = load_table(python, options.threads, options.rows, events, directory / "peer.duckdb")
    os.sync()
    for path in (events, *(made.path for made in (history, table) if made)):
        if path.exists():
            warm(path)
    return Bench(tenure, python, options.threads, directory, events, history, table, Contest())


def arguments() -> argparse.Namespace:
    def positive(text: str) -> int:
        if (value := int(text)) < 1:
            raise ValueError
        return value

    parser = argparse.ArgumentParser(description="Reads the speed of tenure's questions beside DuckDB and ClickHouse.")
    parser.add_argument("--rows", type=positive, default=10_000_000, metavar="N", help="events (default: 10000000)")
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="rounds of readings (default: 3)")
    parser.add_argument("--tenure", type=Path, metavar="PATH", help="the binary to measure (default: build it)")
    parser.add_argument(
        "--cache",
        type=Path,
        default=target_directory() / "benches",
        metavar="DIR",
        help="where the peers and the data are kept (default: benches in cargo's target directory)",
    )
    parser.add_argument(
        "--only",
        choices=SECTIONS,
        action="append",
        metavar="SECTION",
        help=f"one of {', '.join(SECTIONS)}; may be repeated (default: all but billion)",
    )
    parser.add_argument("--billion", action="store_true", help="the section billion, too: 40 GB of disk")
    parser.add_argument(
        "--billion-rows", type=positive, default=1_000_000_000, metavar="N", help="its rows (default: 1000000000)"
    )
    parser.add_argument("--cold", action="store_true", help="Q1 on a history that is not in the page cache, too")
    parser.add_argument(
        "--threads",
        type=positive,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="threads of each engine (default: one for each core it may use)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where the page goes (default: results.md here; with --only, standard output alone)",
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    load = os.getloadavg()[0]
    sections = [
        name for name in SECTIONS if name in (options.only or SECTIONS[:-1]) or (name == "billion" and options.billion)
    ]
    if "billion" in sections:
        options.cache.mkdir(parents=True, exist_ok=True)
        need_disk(
            options.cache, options.billion_rows * billion.BYTES_PER_ROW, f"a history of {options.billion_rows:,} rows"
        )
    bench = prepare(options, sections)
    contest = bench.contest
    for name, add in {"history": add_history, "raw": add_raw, "predicate": add_predicate, "zones": add_zones}.items():
        if name in sections:
            add(bench)
    if options.cold and bench.history:
        add_cold(bench)
    start = add_start(bench) if "start" in sections else None
    forty: list[Contestant] = []
    if "many" in sections:
        assert bench.history is not None
        forty = many.contestants(bench.tenure, bench.threads, bench.history.path, bench.directory)
        for contestant in forty:
            contest.add(contestant)
    if contest.contestants:
        contest.try_all()
        contest.take_rounds(options.rounds)
    found = rows_of(sections, bench, start, forty)
    largest = None
    if "billion" in sections:
        assert bench.history is not None
        largest = billion.run(
            bench.tenure,
            bench.python,
            bench.threads,
            options.billion_rows,
            options.rounds,
            bench.history.path,
            bench.directory,
        )
        found += targets.billion_rows(largest, options.rows)
    setting = Setting(
        rows=options.rows,
        rounds=options.rounds,
        threads=options.threads,
        load=load,
        others=contest.others,
        events=bench.events,
        history=bench.history,
        table=bench.table,
    )
    text = page(found, contest.contestants, contest.beaten, largest, setting)
    print(text, end="")
    output: Path | None = options.output or (None if options.only else RESULTS)
    if output:
        output.write_text(text)


if __name__ == "__main__":
    run_program(main)
