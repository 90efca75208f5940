-- Monthly retention in DuckDB over the Parquet files of a history, to hold tenure's answer to be right: $files.

-- q1.bits
WITH
b AS (SELECT bit_or(1::BIGINT << (year(day) * 12 + month(day) - 24265)) b FROM $files GROUP BY customer),
g AS (SELECT b & -b low, b, count(*) n FROM b GROUP BY ALL),
x AS (SELECT bit_count(low - 1) c, b >> bit_count(low - 1) r, n FROM g)
SELECT c, k, sum(n) n FROM x, range(0, 36) t(k) WHERE (r >> k) & 1 = 1 GROUP BY ALL ORDER BY ALL
