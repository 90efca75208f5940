-- Seen from May 1, 2023: of the customers whose very first activity was a signup in a month, how many were active in each
-- week since?
-- Who did something else first has no birth, also where both happened at the same instant and the other's name comes first.
-- Activity from midnight of May 1 in Berlin on does not exist. That midnight ends a week and a month: they are lived, and the
-- next has not begun. Months, weeks and days are Berlin's; weeks start on Monday and ages count from the week of the birth, so
-- that members of one month reach an age at different times.
set variable until = timestamp '2023-05-01 00:00:00' at time zone 'Europe/Berlin';
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp macro day_of(t) as (t at time zone 'Europe/Berlin')::date;
create or replace temp macro week_of(t) as date_trunc('week', day_of(t))::date;
create or replace temp macro start_of(d) as d::timestamp at time zone 'Europe/Berlin';

create or replace temp table seen as
select * from log where time < getvariable('until');

create or replace temp table firsts as
select customer, min(time) as birth, arg_min(event, (time, event)) as event from seen group by customer;

create or replace temp table members as
select customer, date_trunc('month', day_of(birth))::date as cohort, '' as segment, birth, week_of(birth) as born
from firsts where event = 'signup';

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       start_of(born + 7 * age) < getvariable('until') as begun,
       start_of(born + 7 * (age + 1)) <= getvariable('until') as lived
from members, (
  select unnest(range((week_of(getvariable('last')) - min(born)) // 7 + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, (week_of(time) - born) // 7 as age, amount
from seen join members using (customer) where time >= birth;

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select customers, members, members as memberships, 0 as born_outside_range, customers - members as without_birth
from (select count(*) as customers from firsts), (select count(*) as members from members);
