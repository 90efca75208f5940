-- Of the customers who signed up in a month, how many bought at least twice in each month since?
-- The birth is the first signup, also where the customer was active before; purchases before it never count, those in the
-- rest of its month are age 0. Two purchases in one age make a member retained there; one is still an event of the cell.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp table births as
select customer, min(time) as birth from log where event = 'signup' group by customer;

create or replace temp table members as
select customer, date_trunc('month', birth)::date as cohort, '' as segment, birth from births;

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       cohort + to_months(age) < getvariable('until') as begun,
       cohort + to_months(age + 1) <= getvariable('until') as lived
from members, (
  select unnest(range(datediff('month', min(cohort), getvariable('last')) + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, datediff('month', cohort, time::date) as age, amount
from log join members using (customer) where event = 'purchase' and time >= birth;

create or replace temp table retained as
select customer, cohort, segment, age from returns group by all having count(*) >= 2;

create or replace temp table totals as
select customers, members, members as memberships, 0 as born_outside_range, customers - members as without_birth
from (select count(distinct customer) as customers from log), (select count(*) as members from members);
