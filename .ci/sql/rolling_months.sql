-- Of the customers who came in a quarter, how many were active in each month of their own life?
-- A month runs from anniversary to anniversary of the birth instant in UTC: months are added to the birth once and clamped to
-- the month's last day, so that after January 31 come February 28 and March 31. The times here are UTC's, without a zone.
set variable until = (select max(time)::timestamp + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp macro whole_months(birth, t) as
  datediff('month', birth, t) - case when birth + to_months(datediff('month', birth, t)) > t then 1 else 0 end;

create or replace temp table members as
select customer, date_trunc('quarter', min(time))::date as cohort, '' as segment, min(time)::timestamp as birth
from log group by customer;

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       birth + to_months(age) < getvariable('until') as begun,
       birth + to_months(age + 1) <= getvariable('until') as lived
from members, (
  select unnest(range(max(whole_months(birth, getvariable('last'))) + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, whole_months(birth, time::timestamp) as age, amount from log join members using (customer);

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
