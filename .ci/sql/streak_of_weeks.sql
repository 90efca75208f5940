-- Of the customers who came in a week, how many looked at something in every week since?
-- Weeks start on Monday, in UTC. The birth is the first activity of any kind; only logins, views and searches are returns, so
-- that age 0 is not 100 %. A streak ends with the first week without a return.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp table members as
select customer, date_trunc('week', min(time))::date as cohort, '' as segment from log group by customer;

create or replace temp table exposure as
with ages as (
  select unnest(range(datediff('week', min(cohort), getvariable('last')) + 1))::int as age from members
), weeks as (
  select cohort, age, cohort + 7 * age < getvariable('until') as begun, cohort + 7 * (age + 1) <= getvariable('until') as lived
  from (select distinct cohort from members), ages
)
select customer, cohort, age, age as age_to, begun, lived from members join weeks using (cohort);

-- No return is before the birth, which is the first activity there is.
create or replace temp table returns as
select customer, cohort, segment, datediff('week', cohort, time::date) as age, amount
from log join members using (customer) where event in ('login', 'view', 'search');

-- A week belongs to the streak when it is the n-th with a return and n - 1 weeks old.
create or replace temp table retained as
select customer, cohort, segment, age
from (select distinct customer, cohort, segment, age from returns)
qualify row_number() over (partition by customer order by age) = age + 1;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
