"""Asks tenure and hand-written SQL the same questions of the same log, and compares every cell.

A million generated rows, made harder by sql/log.sql, go into a history; for each query below DuckDB answers sql/<name>.sql
from the raw Parquet, and every number of tenure's result is compared: the cells with states, exposure, events and values, the
summary, the totals, the end of observation, and for some cells the customers in them. Names as arguments ask those only.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

TENURE = os.environ["TENURE"]
SQL = Path(__file__).parent / "sql"
SHOWN_DIFFERENCES = 5

COUNTS = ("size", "state", "exposed", "retained", "retained_exposed")
MEASURED = {
    "customers": (),
    "events": ("events",),
    "value": (
        "events",
        "active",
        "value",
        "value_missing",
        "value_per_member",
        "value_per_active",
        "value_cumulative_per_member",
    ),
}


@dataclass
class Cell:
    """A cell whose customers are compared, not only their number."""

    cohort: str
    age: int
    segment: str = ""


@dataclass
class Query:
    name: str
    flags: str
    measure: str = "value"
    summary: str = "pooled"
    by: str | None = None
    members: tuple[Cell, ...] = ()

    def arguments(self) -> list[str]:
        by = ["--by", self.by] if self.by else []
        return [*self.flags.split("|"), "--measure", self.measure, *by, "--summary", self.summary]


QUERIES = [
    Query(
        "weeks_in_a_zone",
        "--cohort|week|--week-start|sunday|--zone|America/New_York|--as-of|2024-03-10",
        measure="customers",
    ),
    Query(
        "purchases_after_signup",
        "--born|event = 'signup'|--returned|event = 'purchase'|--min-returns|2",
        summary="mean",
        members=(Cell("2023-03-01", 0), Cell("2022-06-01", 4)),
    ),
    Query(
        "rolling_days",
        "--cohort|month|--age|day|--alignment|rolling|--criterion|on-or-after|--at|1,7,30|--zone|Europe/Berlin",
        members=(Cell("2024-12-01", 7),),
    ),
    Query(
        "rolling_weeks_in_a_zone",
        "--cohort|month|--age|week|--alignment|rolling|--criterion|on-or-after|--as-of|2023-11-05T05:30:00Z"
        "|--zone|America/New_York",
    ),
    Query("rolling_months", "--cohort|quarter|--age|month|--alignment|rolling", summary="median"),
    Query(
        "brackets_of_days",
        "--cohort|month|--age|day|--brackets|0,1-3,4-7,8-|--zone|America/New_York",
        members=(Cell("2024-12-01", 4),),
    ),
    Query(
        "streak_of_weeks",
        "--cohort|week|--criterion|streak|--returned|event in ('login', 'view', 'search')",
        measure="events",
    ),
    Query(
        "fiscal_on_or_before",
        "--cohort|half-year|--age|quarter|--fiscal-start|february|--criterion|on-or-before|--min-returns|2"
        "|--returned|event = 'purchase'|--zone|Asia/Kolkata",
        by="event",
    ),
    Query(
        "value_by_country",
        "--returned|event in ('purchase', 'refund')|--top|5",
        by="country",
        members=(Cell("2022-11-01", 2, "(none)"), Cell("2023-08-01", 5, "(other)")),
    ),
    Query(
        "latest_plan",
        "--cohort|quarter|--segment-as-of|latest|--top|2",
        by="plan",
        members=(Cell("2022-04-01", 3, "(other)"),),
    ),
    Query(
        "plan_at_activity",
        "--segment-as-of|activity",
        measure="events",
        by="plan",
        members=(Cell("2022-06-01", 10, "enterprise"),),
    ),
    Query(
        "recurring_blocks",
        "--birth|recurring|--born|event = 'purchase'|--filter|country in ('US', 'GB', 'DE')|--cohort|28 day"
        "|--cohort-origin|2023-01-02|--born-from|2022-03-20T12:00:00Z|--born-until|2024-09-01",
        members=(Cell("2023-01-02", 3),),
    ),
    Query(
        "first_ever_signup",
        "--birth|first-ever|--born|event = 'signup'|--cohort|month|--age|week|--as-of|2023-05-01|--zone|Europe/Berlin",
        members=(Cell("2023-04-01", 2),),
    ),
    Query(
        "declared_signup",
        "--birth|declared:signed_up|--cohort|month|--age|week|--zone|Europe/Berlin",
        by="channel",
        members=(Cell("2023-11-01", 1, "search"),),
    ),
]


def tenure(*args: str | Path) -> str:
    return subprocess.run([TENURE, "-q", *map(str, args)], check=True, stdout=subprocess.PIPE, text=True).stdout


def prepare(folder: Path) -> Path:
    generated, history = folder / "generated.parquet", folder / "history"
    log, customers = folder / "log.parquet", folder / "customers.parquet"
    tenure("generate", "--customers", "50000", "--events", "1000000", "--seed", "7", "-o", generated)
    duckdb.sql("set timezone = 'UTC'")
    for table in (log, customers):
        made = (SQL / f"{table.stem}.sql").read_text().format(generated=generated)
        duckdb.sql(f"copy ({made}) to '{table}' (format parquet)")
    mapping = ["--into", history, "--customer", "user_id"]
    tenure("ingest", log, *mapping, "--value", "amount", "--attribute", "country", "plan")
    tenure("ingest", customers, *mapping, "--table", "customers", "--signed-up", "signed_up", "--attribute", "channel")
    duckdb.sql(f"create view log as select * rename (uid as customer, event_time as time) from '{log}'")
    duckdb.sql(f"create view customers as select * rename (uid as customer) from '{customers}'")
    return history


def same(one: object, other: object) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and abs(one - other) < 1e-12
    return one == other


def differences(what: str, names: tuple[str, ...], expected: dict, found: dict) -> list[str]:
    """Where two tables of the same columns differ, by their keys."""
    lines = []
    for key in sorted(expected.keys() | found.keys(), key=str):
        if key not in found or key not in expected:
            lines.append(f"{what} {key}: only in {'SQL' if key in expected else 'tenure'}")
            continue
        for name, one, other in zip(names, expected[key], found[key]):
            if not same(one, other):
                lines.append(f"{what} {key}: {name} is {one} in SQL, {other} in tenure")
    return lines


def segment_of(segment: dict[str, str | None]) -> str:
    return "".join(value or "(none)" for value in segment.values())


def decimals(cell: dict) -> dict:
    return {name: Decimal(value) if name.startswith("value") and value is not None else value for name, value in cell.items()}


def compare_cells(query: Query, result: dict) -> tuple[int, list[str]]:
    names = (*COUNTS, *MEASURED[query.measure])
    rows = duckdb.sql(f"select cohort::varchar, segment, age, age_to, {', '.join(names)} from cells").fetchall()
    expected = {row[:4]: row[4:] for row in rows}
    found = {}
    for cohort in result["cohorts"]:
        for cell in cohort["cells"]:
            key = (cohort["cohort"], segment_of(cohort["segment"]), cell["age"], cell["age_to"])
            cell = decimals({**cell, "size": cohort["size"]})
            found[key] = tuple(cell.get(name) for name in names)
    return len(rows), differences("cell", names, expected, found)


def compare_summary(query: Query, result: dict) -> tuple[int, list[str]]:
    names = ("cohorts", "exposed", "retained", "rate", "low", "high")
    rows = duckdb.sql((SQL / "summary.sql").read_text().format(method=query.summary)).fetchall()
    expected = {row[:3]: row[3:] for row in rows}
    found = {}
    for point in result["summary"]:
        segment = None if query.by and not point["segment"] else segment_of(point["segment"])
        found[segment, point["age"], point["age_to"]] = tuple(point[name] for name in names)
    return len(rows), differences("summary", names, expected, found)


def compare_totals(result: dict) -> list[str]:
    totals = duckdb.sql("select * from totals")
    expected = dict(zip(totals.columns, totals.fetchall()[0]))
    expected["until"] = duckdb.sql("select strftime(getvariable('until'), '%Y-%m-%dT%H:%M:%S.%f')").fetchall()[0][0]
    found = {**result["totals"], "until": result["window"]["until"].removesuffix("Z")}
    found["until"] += "" if "." in found["until"] else ".000000"
    names = tuple(expected)
    return differences("totals", names, {"": tuple(expected.values())}, {"": tuple(found[name] for name in names)})


def compare_members(query: Query, history: Path, folder: Path, cell: Cell) -> tuple[int, list[str]]:
    """The customers in a cell, and those of its cohort who are not: their ids, and that their number is the cell's."""
    where = f"cohort = '{cell.cohort}' and segment = '{cell.segment}'"
    retained = f"select customer from retained where {where} and age = {cell.age}"
    number, size = duckdb.sql(f"select retained, size from cells where {where} and age = {cell.age}").fetchall()[0]
    place = ["--in-cohort", cell.cohort, "--in-age", cell.age]
    place += ["--in-segment", f"{query.by}={cell.segment}"] if query.by else []
    compared, lines = 0, []
    for which, sql, count in (
        ("yes", retained, number),
        ("no", f"select customer from members where {where} and customer not in ({retained})", size - number),
    ):
        out = folder / "members.csv"
        out.unlink(missing_ok=True)
        tenure("members", history, *query.arguments(), *place, "--retained", which, "-o", out)
        found = sorted(row[0] for row in duckdb.sql(f"select customer from read_csv('{out}', all_varchar = true)").fetchall())
        expected = sorted(row[0] for row in duckdb.sql(f"select user_id from customers where customer in ({sql})").fetchall())
        if found != expected or len(found) != count:
            odd = sorted(set(found) ^ set(expected))[:SHOWN_DIFFERENCES]
            numbers = f"{len(expected)} customers in SQL, {len(found)} in tenure, {count} in the cell"
            lines.append(f"{cell}, retained {which}: {numbers}; {odd}")
        compared += len(expected)
    return compared, lines


def compare(query: Query, history: Path, folder: Path) -> bool:
    started = time.monotonic()
    result = json.loads(tenure("retention", history, *query.arguments(), "--format", "json"))
    duckdb.sql((SQL / f"{query.name}.sql").read_text())
    duckdb.sql((SQL / "cells.sql").read_text())
    cells, lines = compare_cells(query, result)
    points, more = compare_summary(query, result)
    lines += more + compare_totals(result)
    customers = 0
    for cell in query.members:
        number, more = compare_members(query, history, folder, cell)
        customers += number
        lines += more
    if cells == 0:
        lines.append("no cells")
    took = time.monotonic() - started
    counted = f"{cells:,} cells, {points:,} points of the summary, {customers:,} customers by name"
    print(f"{'ok' if not lines else 'not so'}: {query.name}: {counted} ({took:.1f} s)", flush=True)
    for line in lines[:SHOWN_DIFFERENCES]:
        print(f"  {line}")
    if len(lines) > SHOWN_DIFFERENCES:
        print(f"  and {len(lines) - SHOWN_DIFFERENCES:,} more")
    return not lines


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = prepare(folder)
        agree = [compare(query, history, folder) for query in QUERIES if not sys.argv[1:] or query.name in sys.argv[1:]]
    if not all(agree):
        sys.exit(f"{agree.count(False)} of {len(agree)} queries differ")


main()
