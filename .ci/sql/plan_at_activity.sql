-- Of the customers who came in a month, how many were active in each month since, and on which plan were they then?
-- Each activity counts in the plan it was done on, (none) where that is missing. The size is the cohort's in every segment; a
-- member who changed plans within the month is retained in both, and over all plans once.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp table births as
select customer, date_trunc('month', min(time))::date as cohort from log group by customer;

create or replace temp table returns as
select customer, cohort, coalesce(plan, '(none)') as segment, datediff('month', cohort, time::date) as age, amount
from log join births using (customer);

-- Every cohort has a row for every plan, also one that none of its members was ever active on.
create or replace temp table members as
select customer, cohort, segment from births, (select distinct segment from returns);

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       cohort + to_months(age) < getvariable('until') as begun,
       cohort + to_months(age + 1) <= getvariable('until') as lived
from births, (
  select unnest(range(datediff('month', min(cohort), getvariable('last')) + 1))::int as age from births
);

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from births;
