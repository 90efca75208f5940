"""Asks tenure for comparisons, concentration and answers joined to retention, and counts the same in SQL.

Counts come from DuckDB over the raw files; intervals and p-values are worked out here, with whole numbers where the test is
exact. Every number is compared.
"""

import json
import math
import os
import random
import subprocess
import tempfile
from pathlib import Path

import duckdb

TENURE = os.environ["TENURE"]
Z = 1.959963984540054

CELLS = """
create or replace temp view cells as
with births as (
  select user_id, arg_min({column}, (event_time, event)) as side, arg_min({split}, (event_time, event)) as segment,
    date_trunc('month', min(event_time)) as cohort
  from log group by user_id),
months as (select distinct user_id, date_trunc('month', event_time) as month from log),
until as (select max(event_time) + interval 1 microsecond as until from log),
ages as (
  select b.*, a as age from births b, until, generate_series(0, 60) as s(a)
  where cohort + to_months((a + 1)::int) <= until)
select ages.*, month is not null as retained
from ages left join months on months.user_id = ages.user_id and month = cohort + to_months(age::int)
"""


def tenure(*arguments: object) -> str:
    command = [TENURE, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def ask(*arguments: object) -> list[dict]:
    answer = json.loads(tenure(*arguments, "--format", "json", "-q"))
    return answer if isinstance(answer, list) else answer["rows"]


compared = 0


def same(what: str, found: object, expected: object, digits: float = 1e-9) -> None:
    """Numbers are equal but for the rounding of floating point."""
    global compared
    compared += 1
    number = None if found is None else float(found)
    wanted = None if expected is None else float(expected)
    if number == wanted or None not in (number, wanted) and abs(number - wanted) <= digits * max(1.0, abs(wanted)):
        return
    raise SystemExit(f"{what}: tenure {found}, expected {expected}")


def wilson(part: int, whole: int) -> tuple[float, float]:
    share, scale = part / whole, 1 + Z * Z / whole
    centre = share + Z * Z / (2 * whole)
    reach = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    return (centre - reach) / scale, (centre + reach) / scale


def newcombe(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    (low_a, high_a), (low_b, high_b) = wilson(*a), wilson(*b)
    share_a, share_b = a[0] / a[1], b[0] / b[1]
    below = math.sqrt((share_b - low_b) ** 2 + (high_a - share_a) ** 2)
    above = math.sqrt((high_b - share_b) ** 2 + (share_a - low_a) ** 2)
    return share_b - share_a - below, share_b - share_a + above


def p_value(a: tuple[int, int], b: tuple[int, int]) -> tuple[str, float] | None:
    part, whole = a[0] + b[0], a[1] + b[1]
    if part in (0, whole):
        return None
    if min(n * m / whole for n in (a[1], b[1]) for m in (part, whole - part)) >= 5:
        pooled = part / whole
        z = (b[0] / b[1] - a[0] / a[1]) / math.sqrt(pooled * (1 - pooled) * (1 / a[1] + 1 / b[1]))
        return "two-proportion z", math.erfc(abs(z) / math.sqrt(2))
    ways = {k: math.comb(a[1], k) * math.comb(b[1], part - k) for k in range(max(0, part - b[1]), min(part, a[1]) + 1)}
    # Fractions of whole numbers: which tables are as likely is exact.
    return "Fisher exact", sum(n for n in ways.values() if n <= ways[a[0]]) / sum(ways.values())


def holm(values: list[float]) -> list[float]:
    order, adjusted, before = sorted(range(len(values)), key=values.__getitem__), [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        before = max(before, min(1.0, values[place] * (len(values) - rank)))
        adjusted[place] = before
    return adjusted


def check_tests(what: str, rows: list[dict], pairs: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    expected = [p_value(a, b) if a[1] and b[1] else None for a, b in pairs]
    adjusted = iter(holm([test[1] for test in expected if test]))
    for row, (a, b), test in zip(rows, pairs, expected, strict=True):
        if test is None:
            if row["test"] is not None:
                raise SystemExit(f"{what}: tested where nothing could differ: {row}")
            continue
        if row["test"] != test[0]:
            raise SystemExit(f"{what}: {row['test']} and not {test[0]}")
        same(f"{what} p", row["p_value"], test[1])
        same(f"{what} adjusted p", row["p_adjusted"], next(adjusted))
        low, high = newcombe(a, b)
        same(f"{what} difference", row["difference_points"], 100 * (b[0] / b[1] - a[0] / a[1]))
        same(f"{what} low", row["difference_low"], 100 * low)
        same(f"{what} high", row["difference_high"], 100 * high)


def check_sides(history: Path, database: duckdb.DuckDBPyConnection, sides: tuple[str, str], flags: list[str]) -> None:
    database.execute(CELLS.format(column="plan", split="country"))
    counted: dict = {}
    query = "select age, side, segment, count(*) filter (retained), count(*) from cells group by all"
    for age, side, segment, part, whole in database.execute(query).fetchall():
        counted.setdefault(age, {}).setdefault(side, {})[segment] = (part, whole)
    rows = ask("compare", history, *flags, "--by", "country")
    wholes = [row for row in rows if not row["segment"]]
    pairs = []
    for row in wholes:
        a, b = (counted[row["age"]].get(side, {}) for side in sides)
        pair = tuple((sum(p for p, _ in side.values()), sum(n for _, n in side.values())) for side in (a, b))
        pairs.append(pair)
        for name, (part, whole) in zip(("baseline", "compared"), pair, strict=True):
            same(f"{row['age']} {name} exposed", row[f"{name}_exposed"], whole)
            same(f"{row['age']} {name} retained", row[f"{name}_retained"], part)
        rate = mix = 0.0
        for segment in a.keys() | b.keys():
            (part_a, n_a), (part_b, n_b) = a.get(segment, (0, 0)), b.get(segment, (0, 0))
            w_a, w_b = n_a / pair[0][1], n_b / pair[1][1]
            r_a = part_a / n_a if n_a else part_b / n_b
            r_b = part_b / n_b if n_b else part_a / n_a
            rate += (r_b - r_a) * (w_a + w_b) / 2
            mix += (w_b - w_a) * (r_a + r_b) / 2
        same(f"{row['age']} rate part", row["rate_part_points"], 100 * rate)
        same(f"{row['age']} mix part", row["mix_part_points"], 100 * mix)
    if len(wholes) < 10:
        raise SystemExit(f"compare: only {len(wholes)} ages")
    check_tests(" ".join(flags), wholes, pairs)


def check_concentration(history: Path, database: duckdb.DuckDBPyConnection) -> None:
    found = {(row["period"], row["metric"]): row["value"] for row in ask("metrics", history, "--metric", "gini", "--metric", "top_decile_share")}
    amounts = """
      select date_trunc('month', event_time)::date, list(amount order by amount) from (
        select event_time, greatest(sum(amount), 0) as amount from (
          select user_id, date_trunc('month', event_time) as event_time, amount from log where amount is not null)
        group by user_id, event_time) group by 1"""
    for period, values in database.execute(amounts).fetchall():
        numbers, n, total = [float(value) for value in values], len(values), float(sum(values))
        gini = sum((2 * (place + 1) - n - 1) * number for place, number in enumerate(numbers)) / (n * total)
        same(f"{period} gini", found[str(period), "gini"], gini)
        top = numbers[-math.ceil(n / 10):]
        same(f"{period} top tenth", found[str(period), "top_decile_share"], sum(top) / total)


def check_revenue_retention(history: Path, database: duckdb.DuckDBPyConnection) -> None:
    query = """
      with births as (select user_id, date_trunc('month', min(event_time)) as cohort from log group by all),
      spent as (
        select cohort, datediff('month', cohort, event_time) as age, sum(amount) as value
        from log join births using (user_id) group by all)
      select a.age, sum(a.value), sum(z.value) from spent a join spent z on a.cohort = z.cohort and z.age = 0
      where a.cohort + to_months((a.age + 1)::int) <= (select max(event_time) + interval 1 microsecond from log) group by 1"""
    expected = {age: (value, at_birth) for age, value, at_birth in database.execute(query).fetchall()}
    answer = json.loads(tenure("retention", history, "--measure", "value", "--format", "json", "-q"))
    for point in answer["summary"]:
        (revenue,) = point["revenue"]
        value, at_birth = expected.pop(point["age"])
        same(f"{point['age']} value", revenue["value"], value)
        same(f"{point['age']} value of age 0", revenue["value_at_birth"], at_birth)
        same(f"{point['age']} revenue retention", revenue["revenue_retention"], float(value) / float(at_birth))
        same(f"{point['age']} retention", revenue["customer_retention"], point["rate"])
    if expected:
        raise SystemExit(f"retention: no revenue of ages {sorted(expected)}")


def check_answers(folder: Path, history: Path, database: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(11)
    users = [user for (user,) in database.execute("select distinct user_id from log order by 1").fetchall()]
    lines = ["customer,time,kind,score"]
    for place in range(4_000):
        user = chance.choice(users) if place % 20 else f"stranger-{place}"
        day = f"20{22 + chance.randrange(2)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 28):02}"
        # A second each, so that no two answers of a customer come together.
        lines.append(f"{user},{day}T{place // 3600:02}:{place // 60 % 60:02}:{place % 60:02}Z,nps,{chance.randrange(11)}")
    answers = folder / "answers.csv"
    answers.write_text("\n".join(lines) + "\n")
    tenure("ingest", answers, "--into", history, "--table", "surveys", "--preset", "generic", "--customer", "customer")
    query = """
      with answers as (
        select customer, date_trunc('month', time) as period, arg_max(score, time) as score
        from (select customer, time::timestamp as time, score from read_csv(?)) group by all),
      seen as (select distinct user_id::varchar as customer, date_trunc('month', event_time) as month from log),
      followed as (
        select period, case when score >= 9 then 'promoters' when score >= 7 then 'passives' else 'detractors' end as answer,
          exists (select 1 from seen where seen.customer = answers.customer and month = period + interval 1 month) as again,
          row_number() over (partition by answers.customer order by period) as place
        from answers
        where period + interval 2 month <= (select max(event_time) + interval 1 microsecond from log)
          and exists (select 1 from seen where seen.customer = answers.customer and month <= period))
      select null::date, answer, count(*), count(*) filter (again) from followed where place = 1 group by all
      union all select period::date, answer, count(*), count(*) filter (again) from followed group by all"""
    counted = {(str(period) if period else None, answer): (again, n) for period, answer, n, again in database.execute(query, [str(answers)]).fetchall()}
    rows = ask("survey", history, "--retention")
    for row in rows:
        again, n = counted.pop((row["period"], row["group"]), (0, 0))
        same(f"{row['period']} {row['group']} customers", row["customers"], n)
        same(f"{row['period']} {row['group']} retained", row["retained"], again)
    if counted:
        raise SystemExit(f"survey --retention: {len(counted)} groups are not in tenure's answer")
    by_place = {(row["period"], row["group"]): (row["retained"], row["customers"]) for row in rows}
    firsts = [row for row in rows if row["group"] == "promoters"]
    check_tests("survey", firsts, [(by_place[row["period"], "detractors"], by_place[row["period"], "promoters"]) for row in firsts])


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log, history = folder / "log.parquet", folder / "history"
        tenure("generate", "--customers", 3_000, "--events", 60_000, "--seed", 7, "--months", 18, "-o", log)
        tenure("ingest", log, "--into", history, "--customer", "user_id", "--value", "amount", "--attribute", "plan", "country")
        database = duckdb.connect()
        database.execute("set timezone = 'UTC'")
        database.execute(f"create view log as select * replace (event_time::timestamp as event_time) from '{log}'")
        check_sides(history, database, ("free", "pro"), ["--between", "plan=free,pro"])
        check_sides(history, database, ("pro", "free"), ["--treated", "plan = 'free'", "--control", "plan = 'pro'"])
        check_concentration(history, database)
        check_revenue_retention(history, database)
        check_answers(folder, history, database)
    print(f"comparisons: {compared:,} numbers agree")


main()
