-- The log that all queries are asked of: the generated one, made harder. {generated} is its file.
-- As generated, an attribute never changes, nothing is missing, no two rows are at the same instant and every life starts
-- with a signup. Here
--   times: every tenth row lies on its hour, every fiftieth on its day, a few on their month or on midnight in New York:
--     equal instants, equal rows, times exactly on the boundaries of periods, activity before the signup;
--   events: a tenth of the customers never signed up, another tenth five days later than they came;
--   amounts: every eleventh is missing;
--   country: missing for some until March 2024, and some move to France in the middle of January 2023;
--   plan: missing for some until the middle of December 2022, and some change to enterprise on April 10, 2023.
-- Attributes follow from the customer and the time, so that rows at one instant do not differ in them. uid is the
-- customer's number, one for each user_id: tenure is given the one, SQL groups by the other.
with moved as (
  select user_id, uid, amount, country, plan,
         case when event = 'signup' and uid % 10 = 0 then 'login' else event end as event,
         case
           when event = 'signup' and uid % 10 = 1 then event_time + interval 5 days
           when epoch_us(event_time) % 10 = 1 then date_trunc('hour', event_time)
           when epoch_us(event_time) % 50 = 2 then date_trunc('day', event_time)
           when epoch_us(event_time) % 400 = 3 then date_trunc('month', event_time)
           when epoch_us(event_time) % 400 = 4
             then date_trunc('day', event_time at time zone 'America/New_York') at time zone 'America/New_York'
           else event_time
         end as event_time,
         epoch_us(event_time) % 11 = 0 as no_amount
  from '{generated}'
)
select user_id, uid, event_time, event,
       case
         when uid % 8 = 0 and event_time < '2024-03-01' then null
         when uid % 7 = 0 and event_time >= '2023-01-16' then 'FR'
         else country
       end as country,
       case
         when uid % 17 = 0 and event_time < '2022-12-15' then null
         when uid % 3 = 0 and event_time >= '2023-04-10' then 'enterprise'
         else plan
       end as plan,
       case when no_amount then null else amount end as amount
from moved order by event_time
