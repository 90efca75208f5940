-- In each block of 28 days, who bought in Germany, Great Britain or the United States, and came back in the blocks after?
-- Activity elsewhere does not exist for the query, also of a customer who moved. A customer enters the cohort of every block
-- with a purchase; the birth there is the first of them. The range of births starts within a block: who bought earlier in that
-- block was born before it. Blocks are counted from January 2, 2023, backwards too.
set variable until = (select max(time) + interval 1 microsecond from log);
set variable last = getvariable('until') - interval 1 microsecond;
set variable born_from = timestamptz '2022-03-20 12:00:00+00';
set variable born_until = timestamptz '2024-09-01 00:00:00+00';

create or replace temp macro block_of(t) as date '2023-01-02' + 28 * floor((t::date - date '2023-01-02') / 28)::int;

create or replace temp table filtered as
select * from log where country in ('US', 'GB', 'DE');

create or replace temp table births as
select customer, block_of(time) as cohort, min(time) as birth from filtered where event = 'purchase' group by all;

create or replace temp table members as
select customer, cohort, '' as segment, birth from births
where birth >= getvariable('born_from') and birth < getvariable('born_until');

create or replace temp table exposure as
select customer, cohort, age, age as age_to,
       cohort + 28 * age < getvariable('until') as begun,
       cohort + 28 * (age + 1) <= getvariable('until') as lived
from members, (
  select unnest(range((block_of(getvariable('last')) - min(cohort)) // 28 + 1))::int as age from members
);

create or replace temp table returns as
select customer, cohort, segment, (block_of(time) - cohort) // 28 as age, amount
from filtered join members using (customer) where time >= birth;

create or replace temp table retained as
select distinct customer, cohort, segment, age from returns;

create or replace temp table totals as
select customers, members, memberships, born - members as born_outside_range, customers - born as without_birth
from (select count(distinct customer) as customers from filtered), (select count(distinct customer) as born from births),
     (select count(distinct customer) as members, count(*) as memberships from members);
