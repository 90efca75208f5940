-- Monthly cohorts by first activity, distinct active customers by age in calendar months, in ClickHouse.
-- $events: the Parquet file, $user: the column with the customer. toRelativeMonthNum is year * 12 + month, so that
-- 24265 is January 2022, the data's first month. A row of the answer is (cohort c, age k, customers n), where c is
-- year * 12 + month - 1 as in the other engine's queries.

-- q1.bits
SELECT c, m - c k, sum(n) nn
FROM (
  SELECT b, count() n, bitPositionsToArray(b) ms0, ms0[1] + 24264 c
  FROM (
    SELECT groupBitOr(bitShiftLeft(toUInt64(1), toRelativeMonthNum(event_time, 'UTC') - 24265)) b
    FROM $events GROUP BY $user
  )
  GROUP BY b
)
ARRAY JOIN arrayMap(x -> x + 24264, ms0) AS m
GROUP BY c, k ORDER BY c, k
