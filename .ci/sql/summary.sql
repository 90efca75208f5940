-- The row that draws cohorts together, for each segment and over all: {method} is pooled, mean or median. Pooled is the sum of
-- retained_exposed over the sum of exposed, of all cells of the age with anybody exposed, with a Wilson interval at 95 %. Mean
-- and median are those of the complete cells' rates. Over all segments a member of a cohort counts once.
with z as (select 1.959963984540054 as z),
scopes as (
  select segment, cohort, age, age_to, size, exposed, retained_exposed from cells
  union all
  select null, cohort, age, age_to, count(*), count_if(lived), count(retained.customer) filter (lived)
  from exposure left join (select distinct customer, cohort, age from retained) as retained using (customer, cohort, age)
  where (select count(distinct segment) > 1 from members) group by all
), ages as (
  select segment, age, age_to, count(*) filter (exposed > 0) as pooled_cohorts,
         count(*) filter (exposed = size) as complete_cohorts,
         sum(exposed) filter (exposed > 0) as pooled_exposed,
         sum(retained_exposed) filter (exposed > 0) as pooled_retained,
         sum(exposed) filter (exposed = size) as complete_exposed,
         sum(retained_exposed) filter (exposed = size) as complete_retained,
         avg(retained_exposed / size) filter (exposed = size) as mean,
         median(retained_exposed / size) filter (exposed = size) as median
  from scopes group by all
), points as (
  select segment, age, age_to,
         case when '{method}' = 'pooled' then pooled_cohorts else complete_cohorts end as cohorts,
         case when '{method}' = 'pooled' then pooled_exposed else complete_exposed end as exposed,
         case when '{method}' = 'pooled' then pooled_retained else complete_retained end as retained,
         case '{method}' when 'pooled' then pooled_retained / pooled_exposed when 'mean' then mean else median end as rate
  from ages
), wilson as (
  select *, (rate + z * z / (2 * exposed)) / (1 + z * z / exposed) as middle,
         z * sqrt(rate * (1 - rate) / exposed + z * z / (4 * exposed * exposed)) / (1 + z * z / exposed) as half
  from points, z
)
select segment, age, age_to, cohorts, exposed::bigint as exposed, retained::bigint as retained, rate,
       case when '{method}' = 'pooled' then greatest(middle - half, 0) end as low,
       case when '{method}' = 'pooled' then least(middle + half, 1) end as high
from wilson where cohorts > 0
