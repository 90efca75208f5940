-- The questions in DuckDB, on the raw Parquet file. A form of a question follows a line `-- question.form`.
-- $events: the file, $user: the column with the customer. A row of an answer is ([country,] cohort c, age k, number n):
-- months count from January 2022, weeks from Monday, 27 December 2021, amounts are cents. The data cover 36 months, so that
-- a customer's active months are the bits of an integer. Times are read as UTC by make_timestamp(epoch_us(…)), which costs
-- less than a cast does, and year and month are taken of the date, which costs less than of the time.

-- q1.bits
WITH
e AS (SELECT $user u, make_timestamp(epoch_us(event_time))::DATE d FROM $events),
b AS (SELECT bit_or(1::BIGINT << (year(d) * 12 + month(d) - 24265)) b FROM e GROUP BY u),
g AS (SELECT b & -b low, b, count(*) n FROM b GROUP BY ALL),
x AS (SELECT bit_count(low - 1) c, b >> bit_count(low - 1) r, n FROM g)
SELECT c, k, sum(n) n FROM x, range(0, 36) t(k) WHERE (r >> k) & 1 = 1 GROUP BY ALL ORDER BY ALL

-- q1.sums
WITH
e AS (SELECT $user u, make_timestamp(epoch_us(event_time))::DATE d FROM $events),
b AS (SELECT bit_or(1::BIGINT << (year(d) * 12 + month(d) - 24265)) b FROM e GROUP BY u),
r AS (SELECT bit_count((b & -b) - 1) c, b >> bit_count((b & -b) - 1) r FROM b),
s AS (SELECT c, [$sums] ns FROM r GROUP BY ALL),
x AS (SELECT c, unnest(range(0, 36)) k, unnest(ns) n FROM s)
SELECT c, k, n FROM x WHERE n > 0 ORDER BY ALL

-- q2.births
WITH
e AS (
  SELECT $user u, event, (epoch_us(event_time) // 86400000000 - 18988) // 7 w
  FROM $events WHERE event IN ('purchase', 'login')
),
p AS (SELECT u, min(w) c FROM e WHERE event = 'purchase' GROUP BY u),
r AS (SELECT DISTINCT u, c, w - c k FROM e JOIN p USING (u) WHERE event = 'login' AND w > c)
SELECT c, k, count(*) n FROM r GROUP BY ALL ORDER BY ALL

-- q2.lists
WITH
e AS (
  SELECT $user u, event, (epoch_us(event_time) // 86400000000 - 18988) // 7 w
  FROM $events WHERE event IN ('purchase', 'login')
),
u AS (SELECT min(w) FILTER (event = 'purchase') c, list(w) FILTER (event = 'login') ws FROM e GROUP BY u),
r AS (SELECT c, unnest(list_distinct(ws)) w FROM u WHERE c IS NOT NULL)
SELECT c, w - c k, count(*) n FROM r WHERE w > c GROUP BY ALL ORDER BY ALL

-- q3.join
WITH
f AS (SELECT $user u, min(event_time) t FROM $events GROUP BY u),
a AS (SELECT $user u, event_time, amount FROM $events WHERE amount IS NOT NULL),
j AS (SELECT make_timestamp(epoch_us(t))::DATE f, make_timestamp(epoch_us(event_time))::DATE d, amount FROM a JOIN f USING (u)),
x AS (SELECT year(f) * 12 + month(f) - 24265 c, year(d) * 12 + month(d) - 24265 m, amount FROM j)
SELECT c, m - c k, (sum(amount) * 100)::BIGINT n FROM x GROUP BY ALL ORDER BY ALL

-- q3.lists
WITH
e AS (SELECT $user u, event_time, make_timestamp(epoch_us(event_time))::DATE d, amount FROM $events),
u AS (
  SELECT
    make_timestamp(epoch_us(min(event_time)))::DATE f,
    list({'m': year(d) * 12 + month(d) - 24265, 'a': amount}) FILTER (amount IS NOT NULL) s
  FROM e GROUP BY u
),
x AS (SELECT year(f) * 12 + month(f) - 24265 c, unnest(s) s FROM u)
SELECT c, s.m - c k, (sum(s.a) * 100)::BIGINT n FROM x GROUP BY ALL ORDER BY ALL

-- q4.bits
WITH
e AS (SELECT $user u, event_time, country, make_timestamp(epoch_us(event_time))::DATE d FROM $events),
b AS (
  SELECT arg_min(country, event_time) co, bit_or(1::BIGINT << (year(d) * 12 + month(d) - 24265)) b FROM e GROUP BY u
),
g AS (SELECT co, b & -b low, b, count(*) n FROM b GROUP BY ALL),
x AS (SELECT co, bit_count(low - 1) c, b >> bit_count(low - 1) r, n FROM g)
SELECT co, c, k, sum(n) n FROM x, range(0, 36) t(k) WHERE (r >> k) & 1 = 1 GROUP BY ALL ORDER BY ALL

-- q4.sums
WITH
e AS (SELECT $user u, event_time, country, make_timestamp(epoch_us(event_time))::DATE d FROM $events),
b AS (
  SELECT arg_min(country, event_time) co, bit_or(1::BIGINT << (year(d) * 12 + month(d) - 24265)) b FROM e GROUP BY u
),
r AS (SELECT co, bit_count((b & -b) - 1) c, b >> bit_count((b & -b) - 1) r FROM b),
s AS (SELECT co, c, [$sums] ns FROM r GROUP BY ALL),
x AS (SELECT co, c, unnest(range(0, 36)) k, unnest(ns) n FROM s)
SELECT co, c, k, n FROM x WHERE n > 0 ORDER BY ALL

-- q5.minmax
WITH
u AS (SELECT make_timestamp(epoch_us(min(event_time)))::DATE a, make_timestamp(epoch_us(max(event_time)))::DATE z FROM $events GROUP BY $user),
g AS (SELECT year(a) * 12 + month(a) - 24265 c, date_diff('month', a, z) last, count(*) n FROM u GROUP BY ALL),
x AS (SELECT c, unnest(range(0, last + 1)) k, n FROM g)
SELECT c, k, sum(n) n FROM x GROUP BY ALL ORDER BY ALL
