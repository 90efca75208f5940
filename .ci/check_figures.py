"""Asks tenure and hand-written SQL for the same figures by period, and compares every number.

Two hundred thousand generated rows and a random ledger of subscriptions: metrics, lifecycle and stickiness of the log,
movements of recurring revenue of the ledger, each against what DuckDB finds in the raw files.
"""

import datetime
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

import duckdb

TENURE = os.environ["TENURE"]
ACTIVE_WITHIN = 45

# The months of the log, each with its first day and the first day of the next; the last one ends where the log does.
MONTHS = """
create or replace temp view months as
select m::date as start, least((m + interval 1 month)::date, (select max(event_time)::date + 1 from log)) as stop
from (select unnest(generate_series((select date_trunc('month', min(event_time)) from log),
                                    (select date_trunc('month', max(event_time)) from log), interval 1 month)) as m)
"""

METRICS = f"""
with days as (select distinct user_id, event_time::date as day from log),
firsts as (select user_id, min(event_time) as born, min(event_time::date) as first_day from log group by all),
heads as (
  select start, stop, user_id,
    bool_or(day >= start - {ACTIVE_WITHIN} and day < start) as at_start,
    bool_or(day >= stop - {ACTIVE_WITHIN} and day < stop) as at_end,
    bool_or(day >= start and day < stop) as inside
  from months, days group by all),
counts as (
  select start, count(*) filter (at_start) as customers_start, count(*) filter (at_end) as customers_end,
    count(*) filter (at_start and not at_end) as customers_lost,
    count(*) filter (not at_start and at_end and first_day >= start) as customers_first_time,
    count(*) filter (not at_start and at_end and first_day < start) as customers_reactivated,
    count(*) filter (not at_start and not at_end and inside) as joined_and_left
  from heads join firsts using (user_id) group by start),
active as (
  select start, count(distinct user_id) as active_customers, count(*) as days, any_value(stop - start) as length
  from months join days on day >= start and day < stop group by start),
purchases as (
  select user_id, event_time, amount, date_trunc('month', event_time)::date as start,
    row_number() over (partition by user_id order by event_time) as ever
  from log where amount > 0),
per_customer as (select start, user_id, count(*) as n, max(ever) as ever from purchases group by all),
bought as (
  select start, sum(n) as purchases, count(*) as purchasing_customers, count(*) filter (n > 1) as repeat_within,
    count(*) filter (ever > 1) as repeat_ever
  from per_customer group by start),
money as (
  select date_trunc('month', event_time)::date as start, sum(amount) as revenue,
    sum(amount) filter (date_trunc('month', born) < date_trunc('month', event_time)) as existing
  from log join firsts using (user_id) where amount is not null group by all)
select * from counts join active using (start) join bought using (start) join money using (start) order by start
"""

LIFECYCLE = """
with periods as (
  select distinct user_id, datediff('month', date '2000-01-01', event_time) as period from log),
seen as (
  select user_id, period, lag(period) over w as before, lead(period) over w as after
  from periods window w as (partition by user_id order by period)),
told as (
  select period, case when before is null then 'new' when before = period - 1 then 'returning' else 'resurrected' end as what
  from seen union all select period + 1, 'dormant' from seen where after is null or after > period + 1)
select (date '2000-01-01' + to_months(period::int))::date as start, what, count(*) from told group by all
"""

STICKINESS = """
with parts as (
  select date_trunc('month', event_time)::date as start, user_id, count(distinct event_time::date) as parts from log group by all)
select start, parts, count(*) from parts group by all
"""

REVENUE = """
with ends as (
  select m::date as start, (m + interval 1 month)::date as stop
  from (select unnest(generate_series(timestamp '2023-01-01', timestamp '2023-12-01', interval 1 month)) as m)),
paid as (select *, coalesce(ended, date '2999-01-01') as stopped from spans),
per_customer as (
  select e.start, customer,
    coalesce(sum(mrr) filter (p.start < e.start and stopped >= e.start), 0) as opening,
    coalesce(sum(mrr) filter (p.start < e.stop and stopped >= e.stop), 0) as closing,
    bool_or(p.start < e.start) as before
  from ends e, paid p group by all)
select start, sum(opening), sum(closing),
  sum(closing) filter (opening = 0 and not before), sum(closing) filter (opening = 0 and before),
  sum(closing - opening) filter (opening > 0 and closing > opening),
  sum(opening - closing) filter (closing > 0 and closing < opening), sum(opening) filter (closing = 0)
from per_customer group by start order by start
"""


def tenure(*arguments: object) -> str:
    command = [TENURE, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def ask(*arguments: object) -> list[dict]:
    answer = json.loads(tenure(*arguments, "--format", "json", "-q"))
    return answer if isinstance(answer, list) else answer["rows"]


compared = 0


def same(what: str, found: object, expected: object) -> None:
    """Numbers are equal but for the rounding of floating point."""
    global compared
    compared += 1
    number = None if found is None else float(found)
    wanted = None if expected is None else float(expected)
    equal = number == wanted or None not in (number, wanted) and abs(number - wanted) <= 1e-9 * max(1.0, abs(wanted))
    if not equal:
        raise SystemExit(f"{what}: tenure {found}, SQL {expected}")


def check_metrics(history: Path, database: duckdb.DuckDBPyConnection) -> None:
    found = {(row["period"], row["metric"]): row for row in ask("metrics", history, "--active-within", f"{ACTIVE_WITHIN}d")}
    cursor = database.execute(METRICS)
    names = [column[0] for column in cursor.description]
    for values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        period = str(row["start"])
        for name in names[1:7] + ["active_customers", "purchases", "purchasing_customers", "revenue"]:
            same(f"{period} {name}", found[period, name]["value"], row[name])
        ratios = {
            "churn_rate": (row["customers_lost"], row["customers_start"]),
            "customer_retention_rate": (row["customers_start"] - row["customers_lost"], row["customers_start"]),
            "dau": (row["days"], row["length"]),
            "repeat_purchase_rate": (row["repeat_within"], row["purchasing_customers"]),
            "repeat_purchase_rate_ever": (row["repeat_ever"], row["purchasing_customers"]),
            "existing_revenue_share": (row["existing"] or 0, row["revenue"]),
            "purchase_frequency": (row["purchases"], row["purchasing_customers"]),
        }
        for name, (above, below) in ratios.items():
            same(f"{period} {name}", found[period, name]["value"], float(above) / float(below) if below else None)


def check_lifecycle(history: Path, database: duckdb.DuckDBPyConnection) -> None:
    expected = {(str(start), what): count for start, what, count in database.execute(LIFECYCLE).fetchall()}
    for row in ask("lifecycle", history):
        for what in ("new", "returning", "resurrected", "dormant"):
            same(f"{row['period']} {what}", row[what], expected.get((row["period"], what), 0))


def check_stickiness(history: Path, database: duckdb.DuckDBPyConnection) -> None:
    expected = {(str(start), parts): count for start, parts, count in database.execute(STICKINESS).fetchall()}
    for row in ask("stickiness", history):
        same(f"{row['period']} {row['active_parts']}", row["customers"], expected.pop((row["period"], row["active_parts"]), 0))
    if expected:
        raise SystemExit(f"stickiness: {len(expected)} groups are not in tenure's answer")


def check_revenue(folder: Path, database: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(5)
    lines = ["customer,start,end,amount,interval"]
    for customer in range(3_000):
        for _ in range(chance.choice((1, 1, 2, 4))):
            start = datetime.date(2023, 1, 1) + datetime.timedelta(chance.randrange(360))
            length = chance.choice((0, 5, 30, 90, 200))
            end = start + datetime.timedelta(length) if length else ""
            lines.append(f"c{customer},{start},{end},{chance.randrange(1, 20) * 12},year")
    ledger = folder / "ledger.csv"
    ledger.write_text("\n".join(lines) + "\n")
    database.execute(
        "create table spans as select customer, start::date as start, \"end\"::date as ended, amount / 12 as mrr from read_csv(?)",
        [str(ledger)],
    )
    rows = ask("revenue", ledger, "--table", "subscriptions", "--preset", "generic", "--as-of", "2024-01-01")
    expected = database.execute(REVENUE).fetchall()
    if len(rows) != len(expected):
        raise SystemExit(f"revenue: {len(rows)} periods, SQL has {len(expected)}")
    names = ("opening", "closing", "new", "reactivation", "expansion", "contraction", "churn")
    for row, (start, *values) in zip(rows, expected, strict=True):
        for name, value in zip(names, values, strict=True):
            same(f"{start} {name}", row[name], value or 0)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log, history = folder / "log.parquet", folder / "history"
        tenure("generate", "--customers", 10_000, "--events", 200_000, "--seed", 3, "--months", 18, "-o", log)
        tenure("ingest", log, "--into", history, "--customer", "user_id", "--value", "amount")
        database = duckdb.connect()
        database.execute("set timezone = 'UTC'")
        database.execute(f"create view log as select * replace (event_time::timestamp as event_time) from '{log}'")
        database.execute(MONTHS)
        check_metrics(history, database)
        check_lifecycle(history, database)
        check_stickiness(history, database)
        check_revenue(folder, database)
    print(f"figures by period: {compared:,} numbers agree")


main()
