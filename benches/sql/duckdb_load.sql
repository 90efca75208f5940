-- DuckDB's own table of the events: integers and enumerations for names, the calendar worked out beforehand, in the order of
-- customer and time (so of customer and day). $events: the Parquet file.

CREATE TYPE event_name AS ENUM (SELECT DISTINCT event FROM $events ORDER BY 1);
CREATE TYPE country_name AS ENUM (SELECT DISTINCT country FROM $events ORDER BY 1);
CREATE TYPE plan_name AS ENUM (SELECT DISTINCT plan FROM $events ORDER BY 1);
CREATE TABLE events AS
WITH
e AS (SELECT *, make_timestamp(epoch_us(event_time)) AS t, make_timestamp(epoch_us(event_time))::DATE AS d FROM $events)
SELECT
  uid::INTEGER AS uid,
  t AS event_time,
  d AS day,
  date_diff('month', DATE '2022-01-01', d)::BIGINT AS month,
  ((d - DATE '2021-12-27') // 7)::BIGINT AS week,
  event::event_name AS event,
  country::country_name AS country,
  plan::plan_name AS plan,
  amount
FROM e ORDER BY uid, event_time;
