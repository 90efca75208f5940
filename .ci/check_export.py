"""Reads tenure's star schemas with other tools, and computes their numbers from their rows.

1. Every file opens in DuckDB, pandas/pyarrow and Polars with the types that the dictionary says; partitions as Hive has them.
2. Keys are unique, and every reference finds its row.
3. Retention by SQL over fact_activity and dim_customer is fact_retention, by cohort, age and segment.
4. Totals tie to tenure metrics and tenure revenue.
"""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet

TENURE = os.environ["TENURE"]
SAMPLE = Path(__file__).parent.parent / "data" / "sample"

ARROW = {"int64": "int64", "float64": "double", "utf8": "string", "bool": "bool", "date32": "date32[day]", "timestamp[us, UTC]": "timestamp[us, tz=UTC]"}
DUCKDB = {"int64": "BIGINT", "float64": "DOUBLE", "utf8": "VARCHAR", "bool": "BOOLEAN", "date32": "DATE", "timestamp[us, UTC]": "TIMESTAMP WITH TIME ZONE"}
POLARS = {"int64": "Int64", "float64": "Float64", "utf8": "String", "bool": "Boolean", "date32": "Date", "timestamp[us, UTC]": "Datetime(time_unit='us', time_zone='UTC')"}

RETENTION_SQL = """
with activity as (
  select customer_key, cohort, {segment} as segment, datediff('month', cohort, date_trunc('month', date)::date) as age, value
  from {activity} as done join {customers} as customers using (customer_key)
), sizes as (
  select cohort, {segment} as segment, count(*) as size from {customers} where cohort is not null group by all
)
select cohort, segment, age, size, count(distinct customer_key) as retained, count(*) as events, sum(value) as value
from activity join sizes using (cohort, segment) group by all order by cohort, segment, age
"""


def tenure(*args: str | Path) -> str:
    done = subprocess.run([TENURE, "-q", *map(str, args)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"ok: {what}")


def tables(export: Path) -> list[dict]:
    return json.loads((export / "schema.json").read_text())["tables"]


def source(export: Path, name: str) -> str:
    single = export / f"{name}.parquet"
    if single.exists():
        return f"read_parquet('{single}')"
    return f"read_parquet('{export}/{name}/*/*.parquet', hive_partitioning = true)"


def check_types(export: Path) -> None:
    for table in tables(export):
        name, types = table["name"], {column["name"]: column["type"] for column in table["columns"]}
        rows = duckdb.sql(f"select count(*) from {source(export, name)}").fetchall()[0][0]
        found = {row[0]: row[1] for row in duckdb.sql(f"describe select * from {source(export, name)}").fetchall()}
        found.pop("year_month", None) if "year_month" not in types else None
        wanted = {column: DUCKDB.get(kind) or kind.upper().replace(" ", "") for column, kind in types.items()}
        if found != wanted or rows != table["rows"]:
            sys.exit(f"not so: DuckDB reads {name} as {found}, {rows} rows, not {wanted}, {table['rows']} rows")
        for file in table["files"]:
            path = export / file["path"]
            schema = {field.name: str(field.type) for field in pyarrow.parquet.ParquetFile(path).schema_arrow}
            wanted = {column: ARROW.get(kind) or kind.replace("decimal", "decimal128") for column, kind in types.items()}
            if schema != wanted:
                sys.exit(f"not so: pyarrow reads {path} as {schema}, not {wanted}")
            frame = polars.read_parquet(path, hive_partitioning=False)
            wanted = {
                column: POLARS.get(kind) or "Decimal(precision={}, scale={})".format(*kind.strip("decimal()").split(", ")) for column, kind in types.items()
            }
            if {column: str(kind) for column, kind in frame.schema.items()} != wanted or frame.height != file["rows"]:
                sys.exit(f"not so: Polars reads {path} as {frame.schema}, not {wanted}")
            if len(pandas.read_parquet(path, partitioning=None)) != file["rows"]:
                sys.exit(f"not so: pandas reads {path} otherwise")
    check(True, f"{export.name}: DuckDB, pyarrow, pandas and Polars read {len(tables(export))} tables with the types of the dictionary")


def check_keys(export: Path) -> None:
    for table in tables(export):
        name = source(export, table["name"])
        if table["key"]:
            columns = ", ".join(f'"{column}"' for column in table["key"])
            twice = duckdb.sql(f"select {columns}, count(*) from {name} group by all having count(*) > 1").fetchall()
            if twice:
                sys.exit(f"not so: {table['name']} has rows of one key: {twice[:3]}")
        for reference in table["references"]:
            lost = duckdb.sql(
                f"""select count(*) from {name} as fact where "{reference['column']}" is not null and not exists
                    (select 1 from {source(export, reference['table'])} as dim where dim."{reference['to']}" = fact."{reference['column']}")"""
            ).fetchall()[0][0]
            if lost:
                sys.exit(f"not so: {lost} rows of {table['name']}.{reference['column']} find nothing in {reference['table']}")
    check(True, f"{export.name}: keys are unique, references find their rows")


def check_retention(export: Path) -> None:
    activity, customers = source(export, "fact_activity"), source(export, "dim_customer")
    cells = 0
    for segment, which in [("'(all)'", "segment = '(all)'"), ("segment", "segment <> '(all)'")]:
        expected = duckdb.sql(RETENTION_SQL.format(activity=activity, customers=customers, segment=segment)).fetchall()
        found = duckdb.sql(
            f"""select cohort, segment, age, size, retained, events, nullif(value, 0) as value from {source(export, 'fact_retention')}
                where {which} and events > 0 order by cohort, segment, age"""
        ).fetchall()
        expected = [(*row[:6], row[6] or None) for row in expected]
        if found != expected:
            sys.exit(f"not so: {set(found) ^ set(expected)}")
        cells += len(found)
    check(cells > 150, f"{export.name}: SQL over the rows gives the same {cells} cells")


def check_totals(history: Path, export: Path) -> None:
    told = csv.DictReader(io.StringIO(tenure("metrics", history, "--format", "csv")))
    expected = {(row["period"], row["metric"], row["currency"]): row["value"] for row in told}
    found = duckdb.sql(f"select date, metric, currency, value from {source(export, 'fact_metric')} where segment = '(all)'").fetchall()
    same = all(float(expected[str(date), metric, currency or ""] or "nan") == float(value) for date, metric, currency, value in found if value is not None)
    check(same and len(found) == len(expected), f"{len(found)} metrics are those of tenure metrics")
    revenue = {period: value for (period, metric, _), value in expected.items() if metric == "revenue"}
    rows = duckdb.sql(f"select date_trunc('month', date)::date, sum(value) from {source(export, 'fact_activity')} group by all").fetchall()
    check({str(month): float(value or 0) for month, value in rows} == {month: float(value) for month, value in revenue.items()}, "revenue is the sum of the rows")
    told = csv.DictReader(io.StringIO(tenure("revenue", history, "--format", "csv")))
    expected = [(row["period"], float(row["closing"])) for row in told]
    found = duckdb.sql(f"select date, closing from {source(export, 'fact_mrr')} where segment = '(all)' order by date").fetchall()
    check([(str(date), float(value)) for date, value in found] == expected and len(found) > 5, "MRR is that of tenure revenue")
    broken = duckdb.sql(
        f"""select count(*) from {source(export, 'fact_mrr')}
            where opening + new + reactivation + expansion - contraction - churn + fx + transfer_in - transfer_out <> closing"""
    ).fetchall()[0][0]
    check(broken == 0, "every movement of MRR adds up")


def main() -> None:
    duckdb.sql("set timezone = 'UTC'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = folder / "history"
        tenure("ingest", SAMPLE / "events.csv", "--into", history, "--value", "amount", "--attribute", "country", "plan")
        for table in ["customers", "subscriptions", "cancelled"]:
            kind = {"cancelled": "cancellations"}.get(table, table)
            tenure("ingest", SAMPLE / f"{table}.csv", "--into", history, "--table", kind)
        tenure("ingest", SAMPLE / "survey.csv", "--into", history, "--table", "surveys", "--score", "rating", "--kind", "csat", "--scale", "1-5")
        for export, args in [("star", []), ("months", ["--partition", "month"]), ("zone", ["--zone", "America/New_York"])]:
            tenure("export", history, "--to", folder / export, "--by", "plan", *args)
            check_types(folder / export)
            check_keys(folder / export)
            check_retention(folder / export)
        check_totals(history, folder / "star")
        check_totals(history, folder / "months")


main()
