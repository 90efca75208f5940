-- Seen from March 10, 2024: of the customers whose first activity fell in a week, how many were active in each week since?
-- Weeks start on Sunday and days are New York's, through both changes of its clocks. A member's age counts the weeks between
-- the week of the birth and that of the activity; a week is lived when the local midnight that ends it is at or before the
-- end of observation. That is the midnight that ends a week, on the day on which the clocks go forward.
set variable until = timestamp '2024-03-10 00:00:00' at time zone 'America/New_York';
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp macro week_of(t) as
  (date_trunc('week', (t at time zone 'America/New_York') + interval 1 day) - interval 1 day)::date;
create or replace temp macro start_of(d) as d::timestamp at time zone 'America/New_York';

create or replace temp table members as
select customer, week_of(min(time)) as cohort, '' as segment from log
where time < getvariable('until') group by customer;

create or replace temp table exposure as
with ages as (
  select unnest(range((week_of(getvariable('last')) - min(cohort)) // 7 + 1))::int as age from members
), weeks as (
  select cohort, age, start_of(cohort + 7 * age) < getvariable('until') as begun,
         start_of(cohort + 7 * (age + 1)) <= getvariable('until') as lived
  from (select distinct cohort from members), ages
)
select customer, cohort, age, age as age_to, begun, lived from members join weeks using (cohort);

create or replace temp table returns as
select customer, cohort, segment, (week_of(time) - cohort) // 7 as age, amount from log join members using (customer)
where time < getvariable('until');

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
