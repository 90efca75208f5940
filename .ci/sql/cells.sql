-- How four tables of a query become cells. Every query makes
--   members   (customer, cohort, segment)                       who is in a cohort
--   exposure  (customer, cohort, age, age_to, begun, lived)     for each member and each shown age: has it begun, is it lived
--   returns   (customer, cohort, segment, age, amount)          every qualifying return of a member
--   retained  (customer, cohort, segment, age)                  which members are retained at which shown age
--
-- complete: every member has lived the age; in progress: it has begun for some; unobserved: for nobody, and the cell is
-- empty. Events and values are those of returns in the cell's own ages, whatever makes a member retained; the cumulative
-- value is that of all ages up to the cell's last. Divisions are exact, then rounded to 6 decimals, half to even.

create or replace temp macro whole(amount, number) as (amount * 1000000)::hugeint // nullif(number, 0)::hugeint;
create or replace temp macro rest(amount, number) as abs((amount * 1000000)::hugeint % nullif(number, 0)::hugeint);
create or replace temp macro divided(amount, number) as
  (
    whole(amount, number) + case
      when 2 * rest(amount, number) < number or (2 * rest(amount, number) = number and whole(amount, number) % 2 = 0) then 0
      else sign(amount)
    end
  )::decimal(32, 0) * 0.000001::decimal(6, 6);

create or replace temp table cells as
with ages as (
  select cohort, segment, age, age_to, count(*) as size, count_if(lived) as exposed, bool_or(begun) as begun
  from members join exposure using (customer, cohort) group by all
), counts as (
  select cohort, segment, age, count(*) as retained, count_if(lived) as retained_exposed
  from retained join exposure using (customer, cohort, age) group by all
), per_age as (
  select cohort, segment, age, count(*) as events, sum(amount) as total, count(*) - count(amount) as missing
  from returns group by all
), shown as (
  -- Which ages of returns are a shown age's own, and which are up to it.
  select age, age_to, returned, returned >= age as own
  from (select distinct age, age_to from exposure), (select distinct age as returned from returns)
  where returned <= age_to or age_to is null
), in_ages as (
  select cohort, segment, shown.age, sum(events) as events, sum(total) as total, sum(missing) as missing
  from per_age join shown on shown.returned = per_age.age and own group by all
), up_to_ages as (
  select cohort, segment, shown.age, sum(total) as total from per_age join shown on shown.returned = per_age.age group by all
), active as (
  select cohort, segment, shown.age, count(distinct customer) as active
  from (select distinct customer, cohort, segment, age from returns) as who join shown on shown.returned = who.age and own
  group by all
), together as (
  select cohort, segment, age, age_to, size, begun, exposed,
         coalesce(retained, 0) as retained, coalesce(retained_exposed, 0) as retained_exposed,
         coalesce(events, 0) as events, coalesce(active, 0) as active, coalesce(in_ages.total, 0) as total,
         coalesce(missing, 0) as missing, coalesce(up_to_ages.total, 0) as cumulative
  from ages
  left join counts using (cohort, segment, age) left join in_ages using (cohort, segment, age)
  left join active using (cohort, segment, age) left join up_to_ages using (cohort, segment, age)
)
select cohort, segment, age, age_to, size,
       case when exposed = size then 'complete' when begun then 'in_progress' else 'unobserved' end as state,
       case when begun then exposed end as exposed,
       case when begun then retained end as retained,
       case when begun then retained_exposed end as retained_exposed,
       case when begun then events::bigint end as events,
       case when begun then active end as active,
       case when begun then total::decimal(38, 2) end as value,
       case when begun then missing::bigint end as value_missing,
       case when begun then divided(total, size) end as value_per_member,
       case when begun then divided(total, active) end as value_per_active,
       case when begun then divided(cumulative, size) end as value_cumulative_per_member
from together;
