-- Of the customers who came in a month, how many were active on the day itself, 1 to 3, 4 to 7, and 8 or more days later?
-- Days are calendar days in New York. A bracket is lived when its last day is over for the member, the open one when day 8 is;
-- it has begun with its first day. Activity after the end of day 8 counts in the open one, lived or not.
set variable until = (select max(time) + interval 1 microsecond from log);

create or replace temp macro day_of(t) as (t at time zone 'America/New_York')::date;
create or replace temp macro start_of(d) as d::timestamp at time zone 'America/New_York';
create or replace temp table brackets as
from (values (0, 0), (1, 3), (4, 7), (8, null)) as shown(age, age_to);

create or replace temp table members as
select customer, date_trunc('month', day_of(min(time)))::date as cohort, '' as segment, day_of(min(time)) as born
from log group by customer;

create or replace temp table exposure as
select customer, cohort, age, age_to,
       start_of(born + age) < getvariable('until') as begun,
       start_of(born + coalesce(age_to, age) + 1) <= getvariable('until') as lived
from members, brackets;

create or replace temp table returns as
select customer, cohort, segment, day_of(time) - born as age, amount from log join members using (customer);

create or replace temp table retained as
select distinct customer, cohort, segment, brackets.age
from returns join brackets on returns.age >= brackets.age and (returns.age <= brackets.age_to or brackets.age_to is null);

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
