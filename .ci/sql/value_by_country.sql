-- What did the customers of each country who came in a month spend in each month since?
-- A member's country is that of the birth row, wherever they moved later; where it is missing the member is in (none), which is
-- a segment like any other. The five with the most members stand by themselves, the others are (other). Purchases and refunds
-- are returns; one without an amount is missing and not zero.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp table births as
select customer, min(time) as birth, arg_min(coalesce(country, '(none)'), (time, event)) as country from log group by customer;

create or replace temp table largest as
select country, country as segment from births group by country order by count(*) desc, country limit 5;

create or replace temp table members as
select customer, date_trunc('month', birth)::date as cohort, coalesce(segment, '(other)') as segment
from births left join largest using (country);

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       cohort + to_months(age) < getvariable('until') as begun,
       cohort + to_months(age + 1) <= getvariable('until') as lived
from members, (
  select unnest(range(datediff('month', min(cohort), getvariable('last')) + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, datediff('month', cohort, time::date) as age, amount
from log join members using (customer) where event in ('purchase', 'refund');

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
