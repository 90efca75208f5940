-- Of the customers whose sign-up day in the customers table lies in a month, how many were active in each week since, by
-- channel? The birth is the day's start in Berlin; what they did before is no return, and who never did anything is a member
-- all the same. Who has no day, or one at or after the end of observation, has no birth. The totals'
-- customers are those of the log and those of the table.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp macro week_of(t) as date_trunc('week', t at time zone 'Europe/Berlin')::date;
create or replace temp macro start_of(d) as d::timestamp at time zone 'Europe/Berlin';

create or replace temp table members as
select customer, date_trunc('month', signed_up)::date as cohort, coalesce(channel, '(none)') as segment,
       start_of(signed_up) as birth, date_trunc('week', signed_up)::date as born
from customers where start_of(signed_up) < getvariable('until');

create or replace temp table exposure as
with ages as (
  select unnest(range((week_of(getvariable('last')) - min(born)) // 7 + 1))::int as age from members
), weeks as (
  select born, age, start_of(born + 7 * age) < getvariable('until') as begun,
         start_of(born + 7 * (age + 1)) <= getvariable('until') as lived
  from (select distinct born from members), ages
)
select customer, cohort, age, age as age_to, begun, lived from members join weeks using (born);

create or replace temp table returns as
select customer, cohort, segment, (week_of(time) - born) // 7 as age, amount
from log join members using (customer) where time >= birth;

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select customers, members, members as memberships, 0 as born_outside_range, customers - members as without_birth
from (select count(*) as customers from (select customer from log union select customer from customers)),
     (select count(*) as members from members);
