"""The questions, and how each engine's answer to one becomes cells that can be compared."""

import csv
import re
import string
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from prepare import HERE

MONTHS = 36
FIRST_MONTH = 2022 * 12
FIRST_WEEK = date(2021, 12, 27)

# The numbers of an answer by segment, cohort (months or weeks from the data's first) and age. Zeros are left out.
Cells = dict[tuple[str, int, int], int | str]


@dataclass(frozen=True)
class Question:
    """A question as tenure is asked it."""

    name: str
    title: str
    flags: tuple[str, ...] = ()
    column: str = "retained"
    segment: str = ""
    first_age: int = 0


Q1 = Question("q1", "monthly retention")
Q2 = Question(
    "q2",
    "weekly, born by a purchase, returned by a login",
    ("--cohort", "week", "--born", "event = 'purchase'", "--returned", "event = 'login'"),
    first_age=1,
)
Q3 = Question("q3", "amounts by month", ("--measure", "value"), column="value")
Q4 = Question("q4", "monthly retention by country", ("--by", "country"), segment="country")
Q5 = Question("q5", "monthly, active then or later", ("--criterion", "on-or-after"))
ALL = (Q1, Q2, Q3, Q4, Q5)

PREDICATE = Question(
    "predicate", "three countries and a plan", ("--filter", "country in ('US','DE','FR') and plan = 'pro'")
)
BERLIN = Question("berlin", "days of Europe/Berlin", ("--zone", "Europe/Berlin"))
ROLLING = Question("rolling", "rolling months", ("--alignment", "rolling"))


def cohort_number(text: str, weekly: bool) -> int:
    day = date.fromisoformat(text)
    return (day - FIRST_WEEK).days // 7 if weekly else day.year * 12 + day.month - 1 - FIRST_MONTH


def cells_of_csv(path: Path, question: Question) -> Cells:
    """The cells of tenure's long CSV that are not zero; amounts in cents."""
    cells: Cells = {}
    weekly = "week" in question.flags
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            age = int(row["age"])
            if row["state"] == "unobserved" or age < question.first_age:
                continue
            found = row[question.column]
            number = int(Decimal(found or "0") * 100) if question.column == "value" else int(found)
            if number:
                segment = row[question.segment] if question.segment else ""
                cells[segment, cohort_number(row["cohort"], weekly), age] = number
    return cells


def cells_of_rows(rows: list[list[int | str]]) -> Cells:
    """The cells of a peer's answer that are not zero: its rows are [segment,] cohort, age, number."""
    cells: Cells = {}
    for *segment, cohort, age, number in rows:
        if number:
            cells[str(segment[0]) if segment else "", int(cohort), int(age)] = number
    return cells


def sums(dialect: str) -> str:
    """36 sums of the bits of a customer's months: for those an engine's file asks for them as $sums."""
    bit = "bitAnd(bitShiftRight(r, {}), 1)" if dialect == "clickhouse" else "(r >> {}) & 1"
    return ", ".join(f"sum({bit.format(place)})" for place in range(MONTHS))


def forms(file: str, question: str, **names: str) -> dict[str, str]:
    """The forms in which a file of SQL asks a question: each follows a line `-- question.form`."""
    found: dict[str, list[str]] = {}
    form: list[str] = []
    for line in (HERE / "sql" / f"{file}.sql").read_text().splitlines():
        if match := re.fullmatch(r"-- (\w+)\.(\w+)", line):
            form = []
            if match[1] == question:
                found[match[2]] = form
        else:
            form.append(line)
    dialect = sums("clickhouse" if file == "clickhouse" else "duckdb")
    return {
        name: string.Template("\n".join(lines).strip()).substitute(sums=dialect, **names)
        for name, lines in found.items()
    }
