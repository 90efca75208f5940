-- Seen from within an hour that comes twice: of the customers who came in a month, how many came back in each week of their own
-- life or later?
-- A week runs from anniversary to anniversary of the birth on New York's clocks. One that falls into the hour that is left
-- out in March moves forward by that hour; of the two hours of the same name in November the first counts, where DuckDB takes
-- the second. The end of observation is half past one on November 5, 2023, for the first time.
set variable until = timestamptz '2023-11-05 05:30:00+00';
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp macro local(t) as t at time zone 'America/New_York';
create or replace temp macro instant(l) as
  (l at time zone 'America/New_York')
  - case when local((l at time zone 'America/New_York') - interval 1 hour) = l then interval 1 hour else interval 0 hours end;
create or replace temp macro anniversary(birth, weeks) as instant(local(birth) + to_days(7 * weeks::int));
-- Whole weeks on the clock, mended where the clocks changed within the last hour of a week.
create or replace temp macro weeks_on_the_clock(birth, t) as (epoch_us(local(t)) - epoch_us(local(birth))) // (7 * 86400000000);
create or replace temp macro whole_weeks(birth, t) as
  weeks_on_the_clock(birth, t) + case
    when anniversary(birth, weeks_on_the_clock(birth, t)) > t then -1
    when anniversary(birth, weeks_on_the_clock(birth, t) + 1) <= t then 1
    else 0
  end;

create or replace temp table seen as
select * from log where time < getvariable('until');

create or replace temp table members as
select customer, date_trunc('month', local(min(time)))::date as cohort, '' as segment, min(time) as birth
from seen group by customer;

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       anniversary(birth, age) < getvariable('until') as begun,
       anniversary(birth, age + 1) <= getvariable('until') as lived
from members, (
  select unnest(range(max(whole_weeks(birth, getvariable('last'))) + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, whole_weeks(birth, time) as age, amount from seen join members using (customer);

create or replace temp table retained as
select customer, cohort, segment, exposure.age
from exposure join (select customer, cohort, segment, max(age) as last from returns group by all) using (customer, cohort)
where last >= exposure.age;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
