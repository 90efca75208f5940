-- The customers table: the day on which each customer of the generated log signed up, nine days later for some, the channel
-- they came by, and five hundred who signed up and never did anything. Some have no day, some no channel.
with signups as (
  select user_id, uid, event_time::date as day from '{generated}' where event = 'signup'
  union all
  select 'never-' || n, 1000000 + n, date '2022-01-01' + (2 * n)::int from range(1, 501) as numbers(n)
)
select user_id, uid,
       case when uid % 19 = 0 then null when uid % 4 = 0 then day + 9 else day end as signed_up,
       case when uid % 11 = 0 then null when uid % 3 = 0 then 'search' when uid % 3 = 1 then 'friends' else 'press' end channel
from signups order by uid
