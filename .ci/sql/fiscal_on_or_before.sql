-- Of the customers who came in a fiscal half-year, how many had bought twice by the end of each fiscal quarter, by
-- what they came with?
-- The fiscal year starts in February: half-years start in February and August, quarters also in May and November, at midnight
-- in Kolkata. Purchases of all ages up to the cell's are counted together; a member's ages start with the quarter of the birth,
-- which may be the second of the cohort's half-year. The segment is the event of the birth row; of several at the same
-- instant the one whose name comes first.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;

create or replace temp macro month_of(t) as date_trunc('month', t at time zone 'Asia/Kolkata')::date;
-- Quarters since February of the year 0.
create or replace temp macro quarter_number(t) as (12 * year(month_of(t)) + month(month_of(t)) - 2) // 3;
create or replace temp macro quarter_start(n) as make_date((n * 3 + 1) // 12, (n * 3 + 1) % 12 + 1, 1);
create or replace temp macro start_of(d) as d::timestamp at time zone 'Asia/Kolkata';

create or replace temp table members as
select customer, quarter_start(quarter_number(min(time)) // 2 * 2) as cohort, arg_min(event, (time, event)) as segment,
       quarter_number(min(time)) as born
from log group by customer;

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       start_of(quarter_start(born + age)) < getvariable('until') as begun,
       start_of(quarter_start(born + age + 1)) <= getvariable('until') as lived
from members, (
  select unnest(range(quarter_number(getvariable('last')) - min(born) + 1)) as age from members
);

create or replace temp table returns as
select customer, cohort, segment, quarter_number(time) - born as age, amount
from log join members using (customer) where event = 'purchase';

create or replace temp table retained as
select customer, cohort, segment, exposure.age
from exposure join (
  select customer, cohort, segment, age from returns
  qualify row_number() over (partition by customer order by age) = 2
) as second using (customer, cohort)
where second.age <= exposure.age;

create or replace temp table totals as
select count(*) as customers, count(*) as members, count(*) as memberships,
       0 as born_outside_range, 0 as without_birth
from members;
