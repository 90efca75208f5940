"""What was to be reached, and what was: one row for each target."""

from collections.abc import Callable
from dataclasses import dataclass

from billion import MEMORY_LIMIT, Billion
from contest import HISTORY, INT64, TABLE, UUID, Contest, Contestant
from questions import BERLIN, PREDICATE, Q1, Q2, Q3, Q4, Q5, ROLLING, Question

Cost = Callable[[Contestant], float]


def wall(contestant: Contestant) -> float:
    return contestant.wall


def cpu(contestant: Contestant) -> float:
    return contestant.cpu


@dataclass(frozen=True)
class Target:
    """A row of the table: two readings where both are judged, and what they are held against."""

    work: str
    against: str
    target: float | None
    stretch: float | None
    wall: float | None
    cpu: float | None
    at_least: bool
    unit: str = "×"

    def verdict_of(self, value: float) -> str:
        for name, limit in (("stretch", self.stretch), ("target", self.target)):
            if limit is not None and (value >= limit if self.at_least else value <= limit):
                return name
        return "**missed**"

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "–"
        verdicts = {
            name: self.verdict_of(value)
            for name, value in (("wall", self.wall), ("CPU", self.cpu))
            if value is not None
        }
        if len(set(verdicts.values())) == 1:
            return next(iter(verdicts.values()))
        return ", ".join(f"{name}: {verdict}" for name, verdict in verdicts.items())

    def shown(self, value: float | None) -> str:
        if value is None:
            return "–"
        decimals = 0 if value >= 20 else 1 if value >= 10 else 2
        return f"{value:.{decimals}f}{self.unit}"

    def limit(self, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{'≥' if self.at_least else '≤'} {value:g}{self.unit}"

    def cells(self) -> list[str]:
        return [
            self.work,
            self.limit(self.target),
            self.limit(self.stretch),
            self.shown(self.wall),
            self.shown(self.cpu),
            self.verdict,
            self.against,
        ]


def least(found: list[Contestant], cost: Cost) -> Contestant:
    return min(found, key=cost)


def names_of_best(peers: list[Contestant]) -> str:
    """The peers whose wall and CPU time count."""
    return " / ".join(dict.fromkeys(f"{one.engine} {one.form}" for one in (least(peers, wall), least(peers, cpu))))


def faster(
    contest: Contest, question: Question, work: str, own: str, data: str, target: float | None, stretch: float | None
) -> Target:
    """How many times longer the best peer takes on some data than tenure on its own."""
    peers, home = contest.of(data, question.name), contest.tenure(own, question.name)
    return Target(
        work,
        names_of_best(peers),
        target,
        stretch,
        least(peers, wall).wall / home.wall,
        least(peers, cpu).cpu / home.cpu,
        at_least=True,
    )


def history_rows(contest: Contest) -> list[Target]:
    limits: dict[str, dict[str, tuple[float | None, float | None]]] = {
        UUID: {"q1": (60, 100), "q2": (30, 50)},
        INT64: {"q1": (30, 50), "q2": (None, None)},
        TABLE: {"q1": (8, 12), "q2": (5, 8)},
    }
    return [
        faster(
            contest,
            question,
            f"{question.name.upper()} on the history, against {data}",
            HISTORY,
            data,
            *limits[data][like],
        )
        for like, questions in (("q1", (Q1, Q3, Q5)), ("q2", (Q2, Q4)))
        for data in (UUID, INT64, TABLE)
        for question in questions
    ]


def raw_rows(contest: Contest) -> list[Target]:
    return [
        faster(contest, Q1, f"Q1 on {data}, no history", data, data, target, stretch)
        for data, target, stretch in ((UUID, 2, 3), (INT64, 1.5, 2.5))
    ]


def slower(work: str, against: str, one: Contestant, base: Contestant, target: float, stretch: float) -> Target:
    """How many times longer a question takes than another one."""
    return Target(work, against, target, stretch, one.wall / base.wall, one.cpu / base.cpu, at_least=False)


def predicate_rows(contest: Contest) -> list[Target]:
    one, base = contest.tenure(HISTORY, PREDICATE.name), contest.tenure(HISTORY, Q1.name)
    return [slower("Q1 with a predicate on two attributes", "Q1", one, base, 3, 2)]


def zone_rows(contest: Contest) -> list[Target]:
    base = contest.tenure(HISTORY, Q1.name)
    return [
        slower(f"Q1 by {question.title}", "Q1", contest.tenure(HISTORY, question.name), base, 5, 3)
        for question in (BERLIN, ROLLING)
    ]


def start_rows(start: Contestant) -> list[Target]:
    work = "start of the process to the first byte, small history"
    wall_note = f"wall time {1000 * start.wall:.1f} ms"
    return [Target(work, wall_note, 30, 10, None, 1000 * start.cpu, at_least=False, unit=" ms")]


def many_rows(together: Contestant, dearest: Contestant, queries: int) -> list[Target]:
    against = dearest.form.replace("|", "\\|")
    return [slower(f"{queries} queries in one run", against, together, dearest, 3, 2)]


def billion_rows(billion: Billion, rows: int) -> list[Target]:
    gib = 2**30
    work = f"{billion.rows:,} rows"
    return [
        Target(
            f"{work}: cost of Q1 for each row",
            f"Q1 on {rows:,} rows",
            1.3,
            1.1,
            billion.per_row(wall, rows),
            billion.per_row(cpu, rows),
            at_least=False,
        ),
        Target(
            f"{work}: peak memory of generate and of Q1",
            f"generate {billion.generated.peak_bytes / gib:.2f} GiB, Q1 {billion.large.peak_bytes / gib:.2f} GiB",
            MEMORY_LIMIT / gib,
            None,
            billion.peak_bytes / gib,
            None,
            at_least=False,
            unit=" GiB",
        ),
    ]
