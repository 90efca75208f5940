"""Reads tenure's results with other tools, and computes its numbers by a second way.

1. The Parquet result opens in DuckDB, pandas/pyarrow and Polars with plain types.
2. On a generated log DuckDB, given SQL written by hand, gives every cell that tenure gives: counts, events and values,
   for months and weeks, in UTC and in a zone with clock changes.
3. A history is plain Parquet that the same tools read.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow.parquet

TENURE = os.environ["TENURE"]

ARROW_TYPES = {
    "cohort": "date32[day]",
    "currency": "string",
    "size": "int64",
    "age": "int64",
    "age_to": "int64",
    "state": "string",
    "exposed": "int64",
    "retained": "int64",
    "retained_exposed": "int64",
    "rate": "double",
    "low": "double",
    "high": "double",
    "provisional_rate": "double",
    "events": "int64",
    "active": "int64",
    "value": "decimal128(38, 2)",
    "value_missing": "int64",
    "value_per_member": "decimal128(38, 6)",
    "value_per_active": "decimal128(38, 6)",
    "value_cumulative_per_member": "decimal128(38, 6)",
}

MATRIX_SQL = """
with activity as (
  select user_id, amount, date_trunc('{period}', (event_time at time zone '{zone}'))::date as period from '{events}'
), births as (
  select user_id, min(period) as cohort from activity group by user_id
), sizes as (
  select cohort, count(*) as size from births group by cohort
)
select cohort, size, datediff('{period}', cohort, period) as age, count(distinct user_id) as retained, count(*) as events,
       coalesce(sum(amount), 0)::decimal(38, 2) as value, count(*) - count(amount) as missing
from activity join births using (user_id) join sizes using (cohort)
group by all order by cohort, age
"""


def tenure(*args: str | Path) -> None:
    subprocess.run([TENURE, "-q", *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"ok: {what}")


def check_types(result: Path) -> None:
    schema = pyarrow.parquet.read_schema(result)
    check({field.name: str(field.type) for field in schema} == ARROW_TYPES, "pyarrow reads plain types")
    frame = pandas.read_parquet(result)
    check(list(frame.columns) == list(ARROW_TYPES) and len(frame) > 0, "pandas reads the result")
    lazy = polars.read_parquet(result)
    plain = {polars.Date, polars.String, polars.Int64, polars.Float64, polars.Decimal}
    check(all(dtype.base_type() in plain for dtype in lazy.dtypes), "Polars reads plain types")
    types = {row[1] for row in duckdb.sql(f"describe select * from '{result}'").fetchall()}
    check(types == {"DATE", "VARCHAR", "BIGINT", "DOUBLE", "DECIMAL(38,2)", "DECIMAL(38,6)"}, "DuckDB reads plain types")


def check_numbers(events: Path, history: Path, folder: Path, period: str, zone: str) -> None:
    result = folder / f"{period}.parquet"
    tenure("retention", history, "--measure", "value", "--cohort", period, "--zone", zone, "-o", result)
    found = duckdb.sql(
        f"select cohort, size, age, retained, events, value, value_missing from '{result}' where events > 0 order by cohort, age"
    ).fetchall()
    expected = duckdb.sql(MATRIX_SQL.format(period=period, zone=zone, events=events)).fetchall()
    check(found == expected and len(found) > 50, f"DuckDB gives the same {len(found)} cells by {period} in {zone}")


def check_history(events: Path, history: Path) -> None:
    rows = duckdb.sql(f"select count(*) from '{events}'").fetchall()[0]
    joined = duckdb.sql(
        f"""select count(*), count(distinct customer_id), min(day), max(day)
            from '{history}/activity/*.parquet' join '{history}/customers/*.parquet' using (customer)"""
    ).fetchall()[0]
    days = duckdb.sql(f"select count(distinct user_id), min(event_time)::date, max(event_time)::date from '{events}'").fetchall()[0]
    check(joined[0] == rows[0] and joined[1:] == days, "DuckDB reads the history as it lies: rows, customers, days")
    tied = duckdb.sql(f"""select count(*) filter (tied), count(*) - count(distinct (customer, time)) from '{history}/activity/*.parquet'""")
    found, expected = tied.fetchall()[0]
    check(found == expected, f"{found} rows are tied with the one before")
    types = {str(field.type) for field in pyarrow.parquet.read_schema(next((history / "activity").glob("*.parquet")))}
    plain = {"int64", "date32[day]", "timestamp[us, tz=UTC]", "string", "decimal128(18, 2)", "bool"}
    check(types == plain, "the history has plain types")


def main() -> None:
    duckdb.sql("set timezone = 'UTC'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events, history = folder / "events.parquet", folder / "history"
        tenure("generate", "--customers", "30000", "--events", "700000", "--seed", "11", "-o", events)
        mapping = ["--customer", "user_id", "--value", "amount", "--attribute", "country", "plan"]
        tenure("ingest", events, "--into", history, *mapping)
        result = folder / "result.parquet"
        tenure("retention", history, "--measure", "value", "-o", result)
        check_types(result)
        check_numbers(events, history, folder, "month", "UTC")
        check_numbers(events, history, folder, "week", "UTC")
        check_numbers(events, history, folder, "month", "America/New_York")
        check_numbers(events, history, folder, "quarter", "Europe/Berlin")
        check_history(events, history)


main()
