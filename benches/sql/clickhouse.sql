-- The questions in ClickHouse, on the raw Parquet file: see duckdb.sql for what a row of an answer is. toRelativeMonthNum is
-- year * 12 + month, so that 24265 is January 2022; toRelativeWeekNum of the week from 27 December 2021 is 2713. Reading the
-- column of events before the others (PREWHERE) doubles the time here, so it is switched off where it would be done.

-- q1.bits
SELECT c, m - c k, sum(n) nn
FROM (
  SELECT count() n, bitPositionsToArray(b) ms, ms[1] c
  FROM (
    SELECT groupBitOr(bitShiftLeft(toUInt64(1), toRelativeMonthNum(event_time, 'UTC') - 24265)) b
    FROM $events GROUP BY $user
  )
  GROUP BY b
)
ARRAY JOIN ms AS m
GROUP BY c, k ORDER BY c, k

-- q1.sums
SELECT c, k, n
FROM (
  SELECT c, [$sums] ns
  FROM (
    SELECT bitCount(bitXor(b, b - 1)) - 1 c, bitShiftRight(b, c) r
    FROM (
      SELECT groupBitOr(bitShiftLeft(toUInt64(1), toRelativeMonthNum(event_time, 'UTC') - 24265)) b
      FROM $events GROUP BY $user
    )
  )
  GROUP BY c
)
ARRAY JOIN ns AS n, range(36) AS k
WHERE n > 0 ORDER BY c, k

-- q2.unique
SELECT c, k, count() n
FROM (
  SELECT
    minIf(toRelativeWeekNum(event_time, 'UTC'), event = 'purchase') - 2713 c,
    groupUniqArrayIf(toUInt16(toRelativeWeekNum(event_time, 'UTC') - 2713), event = 'login') ws
  FROM $events WHERE event IN ('purchase', 'login') GROUP BY $user HAVING countIf(event = 'purchase') > 0
)
ARRAY JOIN arrayMap(w -> w - c, arrayFilter(w -> w > c, ws)) AS k
GROUP BY c, k ORDER BY c, k
SETTINGS optimize_move_to_prewhere = 0

-- q2.days
SELECT intDiv(toRelativeDayNum(d) - 18988, 7) c, k, count() n
FROM (
  SELECT
    toMonday(toDate(minIf(event_time, event = 'purchase'), 'UTC')) d,
    groupUniqArrayIf(toMonday(toDate(event_time, 'UTC')), event = 'login') ds
  FROM $events WHERE event IN ('purchase', 'login') GROUP BY $user HAVING countIf(event = 'purchase') > 0
)
ARRAY JOIN arrayMap(x -> intDiv(x - d, 7), arrayFilter(x -> x > d, ds)) AS k
GROUP BY c, k ORDER BY c, k
SETTINGS optimize_move_to_prewhere = 0

-- q2.arrays
SELECT c, k, count() n
FROM (
  SELECT
    minIf(toRelativeWeekNum(event_time, 'UTC'), event = 'purchase') - 2713 c,
    groupArrayIf(toUInt16(toRelativeWeekNum(event_time, 'UTC') - 2713), event = 'login') ws
  FROM $events WHERE event IN ('purchase', 'login') GROUP BY $user HAVING countIf(event = 'purchase') > 0
)
ARRAY JOIN arrayMap(w -> w - c, arrayDistinct(arrayFilter(w -> w > c, ws))) AS k
GROUP BY c, k ORDER BY c, k
SETTINGS optimize_move_to_prewhere = 0

-- q3.arrays
SELECT c, s.1 - c k, toInt64(sum(s.2) * 100) n
FROM (
  SELECT
    min(toRelativeMonthNum(event_time, 'UTC') - 24265) c,
    groupArrayIf((toRelativeMonthNum(event_time, 'UTC') - 24265, assumeNotNull(amount)), isNotNull(amount)) ss
  FROM $events GROUP BY $user
)
ARRAY JOIN ss AS s
GROUP BY c, k ORDER BY c, k

-- q3.map
SELECT c, s.1 - c k, toInt64(sum(s.2) * 100) n
FROM (
  SELECT
    min(toRelativeMonthNum(event_time, 'UTC') - 24265) c,
    sumMapIf([toRelativeMonthNum(event_time, 'UTC') - 24265], [assumeNotNull(amount)], isNotNull(amount)) ss
  FROM $events GROUP BY $user
)
ARRAY JOIN arrayZip(ss.1, ss.2) AS s
GROUP BY c, k ORDER BY c, k

-- q4.bits
SELECT co, c, m - c k, sum(n) nn
FROM (
  SELECT co, count() n, bitPositionsToArray(b) ms, ms[1] c
  FROM (
    SELECT
      argMin(toLowCardinality(country), event_time) co,
      groupBitOr(bitShiftLeft(toUInt64(1), toRelativeMonthNum(event_time, 'UTC') - 24265)) b
    FROM $events GROUP BY $user
  )
  GROUP BY co, b
)
ARRAY JOIN ms AS m
GROUP BY co, c, k ORDER BY co, c, k

-- q4.sums
SELECT co, c, k, n
FROM (
  SELECT co, c, [$sums] ns
  FROM (
    SELECT co, bitCount(bitXor(b, b - 1)) - 1 c, bitShiftRight(b, c) r
    FROM (
      SELECT
        argMin(toLowCardinality(country), event_time) co,
        groupBitOr(bitShiftLeft(toUInt64(1), toRelativeMonthNum(event_time, 'UTC') - 24265)) b
      FROM $events GROUP BY $user
    )
  )
  GROUP BY co, c
)
ARRAY JOIN ns AS n, range(36) AS k
WHERE n > 0 ORDER BY co, c, k

-- q4.texts
SELECT co, c, m - c k, sum(n) nn
FROM (
  SELECT co, count() n, bitPositionsToArray(b) ms, ms[1] c
  FROM (
    SELECT
      argMin(country, event_time) co,
      groupBitOr(bitShiftLeft(toUInt64(1), toRelativeMonthNum(event_time, 'UTC') - 24265)) b
    FROM $events GROUP BY $user
  )
  GROUP BY co, b
)
ARRAY JOIN ms AS m
GROUP BY co, c, k ORDER BY co, c, k

-- q5.times
SELECT c, k, sum(n) nn
FROM (
  SELECT toRelativeMonthNum(a, 'UTC') - 24265 c, toRelativeMonthNum(z, 'UTC') - 24265 - c last, count() n
  FROM (SELECT min(event_time) a, max(event_time) z FROM $events GROUP BY $user)
  GROUP BY c, last
)
ARRAY JOIN range(toUInt32(last + 1)) AS k
GROUP BY c, k ORDER BY c, k

-- q5.months
SELECT c, k, sum(n) nn
FROM (
  SELECT c, z - c last, count() n
  FROM (
    SELECT min(toRelativeMonthNum(event_time, 'UTC') - 24265) c, max(toRelativeMonthNum(event_time, 'UTC') - 24265) z
    FROM $events GROUP BY $user
  )
  GROUP BY c, last
)
ARRAY JOIN range(toUInt32(last + 1)) AS k
GROUP BY c, k ORDER BY c, k
