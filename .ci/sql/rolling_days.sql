-- Of the customers who came in a month, how many came back 1, 7 and 30 days after their birth or later?
-- A day is 24 hours from the member's own birth, also where Berlin's clocks change; only the cohort's month is Berlin's. Each
-- member lives an age at their own time: the last cohorts hold both members who have and members who have not.
set variable until = (select max(time) + interval 1 microsecond from log);

create or replace temp table members as
select customer, date_trunc('month', min(time) at time zone 'Europe/Berlin')::date as cohort, '' as segment, min(time) as birth
from log group by customer;

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       birth + to_hours(24 * age) < getvariable('until') as begun,
       birth + to_hours(24 * (age + 1)) <= getvariable('until') as lived
from members, unnest([1, 7, 30]) as shown(age);

create or replace temp table returns as
select customer, cohort, segment, (epoch_us(time) - epoch_us(birth)) // 86400000000 as age, amount
from log join members using (customer);

create or replace temp table retained as
select customer, cohort, segment, shown.age
from (select customer, cohort, segment, max(age) as last from returns group by all), unnest([1, 7, 30]) as shown(age)
where last >= shown.age;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
