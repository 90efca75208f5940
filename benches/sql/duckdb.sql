-- Monthly cohorts by first activity, distinct active customers by age in calendar months, in DuckDB.
-- $events: the Parquet file, $user: the column with the customer. A month is year * 12 + month - 1, so that
-- 24264 is January 2022, the data's first; they cover 36. A row of the answer is (cohort c, age k, customers n).

-- q1.bits
WITH
b AS (
  SELECT bit_or(1::BIGINT << ((year(make_timestamp(epoch_us(event_time))) * 12 + month(make_timestamp(epoch_us(event_time))) - 1) - 24264)) b
  FROM $events GROUP BY $user
),
g AS (SELECT b, count(*) n FROM b GROUP BY 1),
x AS (SELECT b, n, unnest(range(0, 36)) i FROM g),
y AS (SELECT i m, n, bit_count((b & -b) - 1) c FROM x WHERE (b >> i) & 1 = 1)
SELECT c + 24264 c, m - c AS k, sum(n) n FROM y GROUP BY 1, 2 ORDER BY 1, 2

-- q1.join
WITH
f AS (SELECT $user, min(event_time) ft FROM $events GROUP BY 1),
j AS (
  SELECT
    e.$user u,
    (year(make_timestamp(epoch_us(e.event_time))) * 12 + month(make_timestamp(epoch_us(e.event_time))) - 1) m,
    (year(make_timestamp(epoch_us(f.ft))) * 12 + month(make_timestamp(epoch_us(f.ft))) - 1) c
  FROM $events e JOIN f ON e.$user = f.$user
)
SELECT c, m - c AS k, count(DISTINCT u) n FROM j GROUP BY 1, 2 ORDER BY 1, 2
