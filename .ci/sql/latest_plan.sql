-- Of the customers who came in a quarter, how many were active in each quarter since, by the plan they have now?
-- The plan is that of a member's latest activity, whichever they had before; the two with the most members stand by themselves.
-- The few without a plan are too few and fall to (other).
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp table lives as
select customer, min(time) as birth, arg_max(coalesce(plan, '(none)'), (time, event)) as plan from log group by customer;

create or replace temp table largest as
select plan, plan as segment from lives group by plan order by count(*) desc, plan limit 2;

create or replace temp table members as
select customer, date_trunc('quarter', birth)::date as cohort, coalesce(segment, '(other)') as segment
from lives left join largest using (plan);

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       cohort + to_months(3 * age) < getvariable('until') as begun,
       cohort + to_months(3 * (age + 1)) <= getvariable('until') as lived
from members, (
  select unnest(range(datediff('quarter', min(cohort), getvariable('last')) + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, datediff('quarter', cohort, time::date) as age, amount from log join members using (customer);

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
