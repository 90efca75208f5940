"""Ways to have a question answered, run in turn: an answer is compared before its time counts."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from measure import BenchError, Command, Neighbours, Reading, measure, say
from prepare import HERE
from questions import Cells, Question, cells_of_csv, cells_of_rows

# A run shorter than this, in seconds, is read several times in each round.
SHORT = 0.5
READINGS_OF_SHORT = 3

# Forms of a query whose wall time in the trial is within this of the fastest one's go into the rounds with it.
CLOSE = 1.15

HISTORY = "history"
UUID = "raw Parquet, UUID ids"
INT64 = "raw Parquet, int64 ids"
TABLE = "own table, sorted"
NAMES = {"duckdb": "DuckDB", "clickhouse": "ClickHouse"}


@dataclass(frozen=True)
class Answer:
    """One reading with what was found and by whom."""

    reading: Reading
    cells: Cells
    version: str
    peak_bytes: int = 0


@dataclass
class Contestant:
    """A way to have a question answered."""

    engine: str
    data: str
    question: str
    run: Callable[[], Answer]
    form: str = ""
    version: str = ""
    peak_bytes: int = 0
    trial: Reading = field(default_factory=lambda: Reading(0.0, 0.0))
    readings: list[Reading] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.engine}, {self.question} {self.form}".strip() + f", {self.data}"

    @property
    def group(self) -> tuple[str, str, str]:
        """What forms of one query have in common."""
        return self.engine, self.data, self.question

    @property
    def wall(self) -> float:
        return median(reading.wall for reading in self.readings)

    @property
    def cpu(self) -> float:
        return median(reading.cpu for reading in self.readings)


def tenure_contestant(
    tenure: Path,
    threads: int,
    question: Question,
    data: str,
    source: list[str | Path],
    output: Path,
    before: Callable[[], None] = lambda: None,
) -> Contestant:
    """tenure with one question; `before` is done before each run and not counted."""
    version = measure([tenure, "--version"])[1].strip()
    command: Command = [tenure, "retention", *source, *question.flags, "-q", "-o", output, "--threads", str(threads)]

    def run() -> Answer:
        output.unlink(missing_ok=True)
        before()
        reading, _ = measure(command)
        return Answer(reading, cells_of_csv(output, question), version, reading.peak_bytes)

    return Contestant("tenure", data, question.name, run)


def peer_contestant(
    python: Path,
    threads: int,
    engine: str,
    question: str,
    form: str,
    data: str,
    query: str,
    database: Path | None = None,
) -> Contestant:
    command: Command = [python, HERE / "peer.py", engine, str(threads), query, *([database] if database else [])]

    def run() -> Answer:
        process, output = measure(command)
        answer = json.loads(output)
        reading = Reading(answer["wall"], answer["cpu"])
        return Answer(reading, cells_of_rows(answer["rows"]), answer["version"], process.peak_bytes)

    return Contestant(NAMES[engine], data, question, run, form)


def compare(name: str, found: Cells, expected: Cells) -> None:
    """Refuses an answer that is not the same in every cell."""
    differing = [cell for cell in sorted(found.keys() | expected.keys()) if found.get(cell) != expected.get(cell)]
    if not differing:
        return
    lines = [
        f"  {segment} cohort {cohort}, age {age}: {found.get((segment, cohort, age), 0)}"
        f" instead of {expected.get((segment, cohort, age), 0)}"
        for segment, cohort, age in differing[:5]
    ]
    raise BenchError(f"{name}: differs from the first answer in {len(differing)} cells:\n" + "\n".join(lines))


class Contest:
    """All ways that are compared; the first answer to a question is what the others are held against."""

    def __init__(self) -> None:
        self.contestants: list[Contestant] = []
        self.checks: list[Contestant] = []
        self.beaten: list[Contestant] = []
        self.expected: dict[str, Cells] = {}
        self.others = 0.0

    def add(self, contestant: Contestant) -> Contestant:
        """Adds a way, unless it is in the contest already."""
        for present in self.contestants:
            if (present.group, present.form) == (contestant.group, contestant.form):
                return present
        self.contestants.append(contestant)
        return contestant

    def check(self, contestant: Contestant) -> None:
        """Adds a way that answers once, to hold the others to be right, and whose time does not count."""
        if all(present.name != contestant.name for present in self.checks):
            self.checks.append(contestant)

    def ask(self, contestant: Contestant) -> Answer:
        answer = contestant.run()
        if not answer.cells:
            raise BenchError(f"{contestant.name}: an answer without cells")
        compare(contestant.name, answer.cells, self.expected.setdefault(contestant.question, answer.cells))
        contestant.peak_bytes = max(contestant.peak_bytes, answer.peak_bytes)
        contestant.version = answer.version
        return answer

    def try_all(self) -> None:
        """Compares all answers, and leaves the slower forms of a peer's query out."""
        say("comparing the answers")
        for contestant in [*self.contestants, *self.checks]:
            say(f"  {contestant.name}")
            contestant.trial = self.ask(contestant).reading
        kept = [one for one in self.contestants if self.is_close(one)]
        self.beaten = [one for one in self.contestants if one not in kept]
        self.contestants = kept

    def is_close(self, one: Contestant) -> bool:
        """Whether a trial says that no other form of the same query is better by much, in wall or in CPU time."""
        if one.engine == "tenure":
            return True
        forms = [other.trial for other in self.contestants if other.group == one.group]
        return one.trial.wall <= CLOSE * min(form.wall for form in forms) or one.trial.cpu == min(
            form.cpu for form in forms
        )

    def take_rounds(self, rounds: int) -> None:
        """Takes the readings of all that are left, in turn."""
        neighbours = Neighbours()
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            for contestant in self.contestants:
                for _ in range(READINGS_OF_SHORT if contestant.trial.wall < SHORT else 1):
                    contestant.readings.append(self.ask(contestant).reading)
        self.others = neighbours.cores()

    def of(self, data: str, question: str) -> list[Contestant]:
        """The peers that answered a question on these data."""
        return [
            one for one in self.contestants if one.engine != "tenure" and one.data == data and one.question == question
        ]

    def tenure(self, data: str, question: str) -> Contestant:
        """tenure as it answered a question on these data."""
        return next(one for one in self.contestants if one.group == ("tenure", data, question))
