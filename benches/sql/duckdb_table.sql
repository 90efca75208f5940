-- The questions in DuckDB, on its own table sorted by customer and time (duckdb_load.sql): see duckdb.sql for what a row of an
-- answer is. The last three are not raced: they hold tenure's answers to be right.

-- q1.bits
WITH
b AS (SELECT bit_or(1::BIGINT << month) b FROM events GROUP BY uid),
g AS (SELECT b & -b low, b, count(*) n FROM b GROUP BY ALL),
x AS (SELECT bit_count(low - 1) c, b >> bit_count(low - 1) r, n FROM g)
SELECT c, k, sum(n) n FROM x, range(0, 36) t(k) WHERE (r >> k) & 1 = 1 GROUP BY ALL ORDER BY ALL

-- q1.sums
WITH
b AS (SELECT bit_or(1::BIGINT << month) b FROM events GROUP BY uid),
r AS (SELECT bit_count((b & -b) - 1) c, b >> bit_count((b & -b) - 1) r FROM b),
s AS (SELECT c, [$sums] ns FROM r GROUP BY ALL),
x AS (SELECT c, unnest(range(0, 36)) k, unnest(ns) n FROM s)
SELECT c, k, n FROM x WHERE n > 0 ORDER BY ALL

-- q2.births
WITH
p AS (SELECT uid, min(week) c FROM events WHERE event = 'purchase' GROUP BY uid),
r AS (SELECT DISTINCT uid, c, week - c k FROM events JOIN p USING (uid) WHERE event = 'login' AND week > c)
SELECT c, k, count(*) n FROM r GROUP BY ALL ORDER BY ALL

-- q2.packed
WITH
p AS (SELECT uid, min(week) c FROM events WHERE event = 'purchase' GROUP BY uid),
r AS (
  SELECT DISTINCT uid::BIGINT << 16 | c << 8 | (week - c) x FROM events JOIN p USING (uid)
  WHERE event = 'login' AND week > c
)
SELECT (x >> 8) & 255 c, x & 255 k, count(*) n FROM r GROUP BY ALL ORDER BY ALL

-- q2.weeks
WITH
p AS (SELECT uid, min(week) c FROM events WHERE event = 'purchase' GROUP BY uid),
l AS (SELECT DISTINCT uid, week FROM events WHERE event = 'login')
SELECT c, week - c k, count(*) n FROM l JOIN p USING (uid) WHERE week > c GROUP BY ALL ORDER BY ALL

-- q3.join
WITH
f AS (SELECT uid, min(month) c FROM events GROUP BY uid),
a AS (SELECT uid, month, amount FROM events WHERE amount IS NOT NULL)
SELECT c, month - c k, (sum(amount) * 100)::BIGINT n FROM a JOIN f USING (uid) GROUP BY ALL ORDER BY ALL

-- q3.lists
WITH
u AS (
  SELECT min(month) c, list(month) FILTER (amount IS NOT NULL) ms, list(amount) FILTER (amount IS NOT NULL) s
  FROM events GROUP BY uid
),
x AS (SELECT c, unnest(ms) m, unnest(s) a FROM u)
SELECT c, m - c k, (sum(a) * 100)::BIGINT n FROM x GROUP BY ALL ORDER BY ALL

-- q4.bits
WITH
b AS (SELECT arg_min(country, rowid) co, bit_or(1::BIGINT << month) b FROM events GROUP BY uid),
g AS (SELECT co, b & -b low, b, count(*) n FROM b GROUP BY ALL),
x AS (SELECT co, bit_count(low - 1) c, b >> bit_count(low - 1) r, n FROM g)
SELECT co, c, k, sum(n) n FROM x, range(0, 36) t(k) WHERE (r >> k) & 1 = 1 GROUP BY ALL ORDER BY ALL

-- q4.sums
WITH
b AS (SELECT arg_min(country, rowid) co, bit_or(1::BIGINT << month) b FROM events GROUP BY uid),
r AS (SELECT co, bit_count((b & -b) - 1) c, b >> bit_count((b & -b) - 1) r FROM b),
s AS (SELECT co, c, [$sums] ns FROM r GROUP BY ALL),
x AS (SELECT co, c, unnest(range(0, 36)) k, unnest(ns) n FROM s)
SELECT co, c, k, n FROM x WHERE n > 0 ORDER BY ALL

-- q4.times
WITH
b AS (SELECT arg_min(country, event_time) co, bit_or(1::BIGINT << month) b FROM events GROUP BY uid),
r AS (SELECT co, bit_count((b & -b) - 1) c, b >> bit_count((b & -b) - 1) r FROM b),
s AS (SELECT co, c, [$sums] ns FROM r GROUP BY ALL),
x AS (SELECT co, c, unnest(range(0, 36)) k, unnest(ns) n FROM s)
SELECT co, c, k, n FROM x WHERE n > 0 ORDER BY ALL

-- q5.minmax
WITH
u AS (SELECT min(month) c, max(month) z FROM events GROUP BY uid),
g AS (SELECT c, z - c last, count(*) n FROM u GROUP BY ALL),
x AS (SELECT c, unnest(range(0, last + 1)) k, n FROM g)
SELECT c, k, sum(n) n FROM x GROUP BY ALL ORDER BY ALL

-- predicate.check
WITH
a AS (SELECT uid, month FROM events WHERE country IN ('US', 'DE', 'FR') AND plan = 'pro'),
f AS (SELECT uid, min(month) c FROM a GROUP BY uid)
SELECT c, month - c k, count(DISTINCT uid) n FROM a JOIN f USING (uid) GROUP BY ALL ORDER BY ALL

-- berlin.check
WITH
l AS (SELECT uid, timezone('Europe/Berlin', timezone('UTC', event_time))::DATE d FROM events),
a AS (SELECT uid, date_diff('month', DATE '2022-01-01', d) m FROM l),
f AS (SELECT uid, min(m) c FROM a GROUP BY uid)
SELECT c, m - c k, count(DISTINCT uid) n FROM a JOIN f USING (uid) GROUP BY ALL ORDER BY ALL

-- rolling.check
WITH
f AS (SELECT uid, min(event_time) f FROM events GROUP BY uid),
d AS (SELECT uid, f, event_time t, date_diff('month', f, event_time) k FROM events JOIN f USING (uid)),
a AS (SELECT uid, f, k - (f + to_months(k::INTEGER) > t)::BIGINT k FROM d)
SELECT date_diff('month', DATE '2022-01-01', f::DATE) c, k, count(DISTINCT uid) n FROM a GROUP BY ALL ORDER BY ALL

