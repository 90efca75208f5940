"""Forty questions of one file: all in one `tenure run`, beside the dearest of them alone."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from contest import HISTORY, Answer, Contestant
from measure import Command, measure, say
from questions import Cells

MANY = "many"

Value = str | int | list[str] | list[int]
Query = Mapping[str, Value]

PURCHASE, LOGIN, SIGNUP = "event = 'purchase'", "event = 'login'", "event = 'signup'"

# Flags by their names, as a file of queries has them.
QUERIES: tuple[Query, ...] = (
    {},
    {"cohort": "week"},
    {"cohort": "quarter"},
    {"cohort": "half-year"},
    {"cohort": "year", "age": "month"},
    {"cohort": "month", "age": "week", "ages": 53},
    {"cohort": "month", "age": "day", "at": [1, 7, 14, 30, 60, 90]},
    {"cohort": "day", "at": [1, 7, 30]},
    {"cohort": "28 day", "cohort-origin": "2022-01-01"},
    {"week-start": "sunday", "cohort": "week", "ages": 27},
    {"criterion": "on-or-after"},
    {"criterion": "on-or-before"},
    {"criterion": "streak"},
    {"criterion": "on-or-after", "cohort": "week"},
    {"brackets": "0,1-3,4-7,8-"},
    {"brackets": "0,1-2,3-5,6-11,12-", "cohort": "quarter", "age": "month"},
    {"min-returns": 3},
    {"by": ["country"]},
    {"by": ["plan"]},
    {"by": ["country", "plan"], "cohort": "quarter"},
    {"by": ["country"], "top": 5},
    {"by": ["plan"], "criterion": "on-or-after"},
    {"by": ["plan"], "segment-as-of": "latest"},
    {"by": ["plan"], "cohort": "week", "ages": 27},
    {"filter": "country in ('US','DE','FR')"},
    {"filter": "plan = 'pro'", "by": ["country"]},
    {"filter": "country in ('US','DE','FR') and plan = 'pro'"},
    {"filter": "event <> 'support'", "cohort": "quarter"},
    {"born": PURCHASE},
    {"returned": PURCHASE},
    {"born": SIGNUP, "returned": PURCHASE},
    {"born": PURCHASE, "returned": LOGIN, "cohort": "week"},
    {"born": SIGNUP, "returned": LOGIN, "cohort": "week", "at": [1, 2, 4, 8]},
    {"returned": PURCHASE, "by": ["plan"], "measure": "value"},
    {"measure": "value"},
    {"measure": "events"},
    {"measure": "value", "by": ["country"]},
    {"measure": "value", "cohort": "quarter", "filter": "plan = 'pro'"},
    {"alignment": "rolling"},
    {"zone": "Europe/Berlin"},
)


def text(value: Value) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, list) else str(value)


def flags(query: Query) -> list[str]:
    return [part for name, value in query.items() for part in (f"--{name}", text(value))]


def output(directory: Path, number: int) -> Path:
    return directory / f"{number:02}.csv"


def write_file(path: Path, history: Path, directory: Path) -> None:
    """The file of queries; texts and lists are written alike in JSON and TOML."""
    lines = [f"input = {json.dumps(str(history))}"]
    for number, query in enumerate(QUERIES):
        lines += ["", "[[query]]", f'name = "q{number:02}"', 'command = "retention"']
        lines += [f"{name} = {json.dumps(value)}" for name, value in query.items()]
        lines.append(f"output = {json.dumps(str(output(directory, number)))}")
    path.write_text("\n".join(lines) + "\n")


def digests(paths: list[Path]) -> Cells:
    """The answers, byte by byte, in the shape in which answers are compared."""
    return {("query", number, 0): hashlib.sha256(path.read_bytes()).hexdigest() for number, path in enumerate(paths)}


def contestants(tenure: Path, threads: int, history: Path, scratch: Path) -> list[Contestant]:
    """The run of all queries, and the dearest one alone. Each query is run alone here first."""
    version = measure([tenure, "--version"])[1].strip()
    alone, together = scratch / "alone", scratch / "together"
    for directory in (alone, together):
        directory.mkdir(exist_ok=True)
    file = scratch / "queries.toml"
    write_file(file, history, together)
    commands: list[Command] = [
        [tenure, "retention", history, *flags(query), "-q", "-o", output(alone, number), "--threads", str(threads)]
        for number, query in enumerate(QUERIES)
    ]
    command: Command = [tenure, "run", file, "-q", "--threads", str(threads)]
    say(f"running {len(QUERIES)} queries one by one")
    costs = [min((measure(command)[0] for _ in range(2)), key=lambda cost: cost.wall) for command in commands]
    paths = [output(alone, number) for number in range(len(QUERIES))]
    expected = digests(paths)
    dearest = max(range(len(QUERIES)), key=lambda number: costs[number].wall)

    def run_all() -> Answer:
        for path in together.iterdir():
            path.unlink()
        reading, _ = measure(command)
        found = digests([output(together, number) for number in range(len(QUERIES))])
        return Answer(reading, found, version, reading.peak_bytes)

    def run_dearest() -> Answer:
        paths[dearest].unlink()
        reading, _ = measure(commands[dearest])
        return Answer(
            reading, {**expected, **{("query", dearest, 0): digests([paths[dearest]])["query", 0, 0]}}, version
        )

    shown = " ".join(flags(QUERIES[dearest]))
    wall, cpu = sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs)
    together_name = f"{len(QUERIES)} in one run (one by one: {wall:.2f} s, {cpu:.2f} s CPU)"
    alone_name = f"the dearest alone: {shown}"
    return [
        Contestant("tenure", HISTORY, MANY, run_all, together_name),
        Contestant("tenure", HISTORY, MANY, run_dearest, alone_name),
    ]
