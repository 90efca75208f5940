//! The vocabulary of tenure: what every number means, as types.
//!
//! No input, no output, no clock. Everything else in the project is built from the words defined here.
//!
//! # Glossary
//!
//! **Customer** – the entity whose life is followed: a user, an account, a subscriber; one stable id.
//!
//! **Activity** – one row: customer, time (an [`Instant`], microseconds UTC), event name, optional value (an exact
//! [`Decimal`] with a currency), attributes.
//!
//! **History** – everything ingested about one business: activity, customers, subscriptions, survey responses,
//! cancellations ([`Table`]); a directory of Parquet.
//!
//! **Export** – one input file, also within one command or glob.
//!
//! **Birth** – the instant a customer's life starts under a query ([below](#birth)).
//!
//! **Age** ([`Age`]) – whole periods lived since birth; 0 is the birth period.
//!
//! **Cohort** – the customers born in one period, optionally split by segment. Its *size* is its member count.
//!
//! **Observation window** ([`ObservationWindow`]) – `[from, until)`: what the history can vouch for. Activity at or
//! after `until` is ignored everywhere, births included. Unless given, `until` is the first instant after the latest
//! accepted activity at that column's precision: for an instant one microsecond later, for a date the start of the next
//! local day.
//!
//! **Retained** – a cohort member with a qualifying return at an age. **Exposed** – a cohort member who has lived the
//! whole of an age: its end is at or before `until`.
//!
//! ## Calendar
//!
//! A query has a time zone, a week start (default Monday) and a fiscal year start (default January): a [`Calendar`].
//! Periods are half-open `[start, end)` in local time: hour, day, week, month, quarter, half-year, year, or a block of
//! N of them counted from an origin date ([`Period`], [`Periods`]).
//!
//! - A local day starts at its first existing instant, also on days when clocks change: a day may have 23 or 25 hours.
//!   Where clocks go back across midnight the repeated minutes belong to the day that has already begun.
//! - Hours follow one another without gaps: where clocks go back, the repeated local hour is an hour of its own.
//! - The k-th month after January 31 is computed from that date (k months added once, clamped to the month's last day),
//!   never by stepping.
//! - A local time that clocks skip moves forward by the gap; of two equal local times the earlier counts.
//!
//! Under [`Alignment::Calendar`] an age counts the boundaries of the age granularity between the period that holds the
//! birth and the one that holds the activity. Under [`Alignment::Rolling`] it counts the whole units elapsed since the birth
//! instant ([`Rolling`]): anniversaries in the query's zone for week … year, 24 hours for a day, 60 minutes for an hour.
//!
//! ## Birth
//!
//! - `first` (default): the earliest activity that matches the birth selector, judged over the whole history and only then
//!   cut to a requested birth range: narrowing the range never makes an old customer new.
//! - `first-ever`: the earliest activity of any kind; there is a birth only if that row matches the selector.
//! - `declared`: a date column of the customers table: the start of that local day, unless it lies at or after `until`.
//!   A declared customer without activity is a member.
//! - `recurring`: a membership in the cohort of every period in which a row matches, with the first such row as birth.
//!
//! customers = members (distinct) + born outside the range + without birth. Customers are those with activity left by the
//! filter and before `until`; with `declared` also those that a customers export lists. Ties at one instant are ordered by
//! event name, then by value (a missing one first), currency and the other columns by name (a missing one last).
//!
//! ## Return
//!
//! A return is an activity that matches the return selector, at or after the birth instant. The birth row counts as one only
//! if it matches. *At least n returns* are meant in that age (`on`, each age of a `streak`), in some single age ≥ k
//! (`on-or-after`), in that bracket, or in ages 0..k together (`on-or-before`).
//!
//! ## Criterion
//!
//! | [`Criterion`] | retained at age k when | exposed when |
//! |---|---|---|
//! | `on` | a return at age k | age k is lived |
//! | `on-or-after` | a return at any age ≥ k up to `until`, lived or not | age k is lived |
//! | `on-or-before` | a return at any age 0..k | age k is lived |
//! | `streak` | a return at every age 0..k | age k is lived |
//! | [`Brackets`] | a return at any age inside the bracket | its last age is lived; an open one is on-or-after its first age |
//!
//! ## Segments
//!
//! The value of a segment is that of the birth row, of the customer's latest row, or of each activity; where the column lives
//! in the customers table it is the customer's. At birth and latest, segments part the members: sizes, retained, events and
//! values add up. At activity the size is the cohort's and a member may be retained in several; each cohort has every segment
//! that any counted return has, 0 where it is lived. A missing value is a segment of its own, `(none)`; those beyond the largest
//! by members are drawn together as `(other)`. Cohorts below a smallest size are not shown and count in summaries all the same.
//!
//! ## Summary
//!
//! *Pooled*: Σ retained_exposed / Σ exposed over all cells of an age with exposed > 0. *Mean* and *median* are those of
//! complete cells' rates. Rates carry a Wilson interval (95 % unless another level is asked for). The pooled curve may rise
//! with age, because cohorts drop out of it.
//!
//! ## Dialects
//!
//! A dialect is a peer's documented arithmetic. It sets defaults that explicit flags override; its rules for age 0, values
//! and the window's end stay.
//!
//! Stripe's is that of [subscribers](#recurring-revenue).
//!
//! | | mixpanel | amplitude | posthog |
//! |---|---|---|---|
//! | alignment | rolling | rolling; instants floored to the hour | calendar; rolling on request |
//! | month when rolling | 30 days | 30 days | 30 days |
//! | criterion | on-or-after | on-or-after | on |
//! | age 0 | members with a return in the first period | the same | every member |
//! | birth | first | recurring | recurring; first when rolling; first-ever is the earliest row with the selector's event name |
//! | returns within age 0 | later than the birth instant | the same | any time in the period; for values later than the birth instant unless both selectors are the same |
//! | value average | per member | per member | per active customer |
//! | summary | Σ C·w / Σ P·w with w = P / ΣP | pooled over complete cells | mean |
//! | segment | at birth | at birth | the same value at birth and return: each segment as if its rows were the whole log |
//! | window end | as-of | as-of | end of the cohort period that holds as-of |
//!
//! ## Cells
//!
//! An age nobody has lived is not zero ([`Cell`], [`CellState`]):
//!
//! - **complete**: every member is exposed. Only these have a `rate` = retained / size.
//! - **in progress**: the age has begun for some member, and not every member is exposed. It carries `retained` (so
//!   far, all members), `exposed`, `retained_exposed` (among exposed members) and `provisional_rate` =
//!   retained_exposed / exposed where exposed > 0.
//! - **unobserved**: the age has begun for nobody. Empty; never 0.
//!
//! ## Rows that come twice
//!
//! 1. With a key (the exporter's own, or one that is named) a row is its key: a later row with the same key replaces the
//!    earlier one; an identical one adds nothing. A row of the customers table is its customer.
//! 2. Without a key, equality is over the mapped, stored columns. Equal rows inside one export are separate activities.
//! 3. Across exports, the number of equal rows kept is the maximum over the exports, not the sum: the same export twice
//!    adds nothing, and an overlapping export adds only what is new.
//!
//! Nothing is lost in silence: rows read = kept + rejected + duplicate + filtered.
//!
//! ## Subscriptions, surveys, cancellations
//!
//! A subscription span has a customer, plan, start, end (the first unpaid instant; a date is the start of its local day)
//! or none while it is open, amount for one unit and interval, currency, interval, quantity and the end of its trial. A
//! survey response has a kind (`nps`, `csat`, `ces`, `returned`), the question, a score, its scale, a comment and a weight; a
//! question left blank is a missing score, not 0. A cancellation has a time, a reason and a comment.
//!
//! Amounts that an exporter counts in the smallest unit of their currency are brought to whole units ([`minor_digits`]).
//!
//! ## Values
//!
//! Sums are exact decimals; refunds are negative. A missing value is not zero: it is counted as missing. Per member =
//! total / size; per active = total / active, where *active* are the members with a counted return in the cell's own
//! age or bracket, in whatever currency; cumulative per member = the sum over ages 0..k, shown or not, / size. All are those
//! of the cell's own age, whatever the criterion. Divisions are rounded to 6 decimals, half-even; totals are exact. Amounts
//! of different currencies are never added; rates of exchange convert each amount by its local date, and a missing rate is an
//! error.

//!
//! ## Figures of a period
//!
//! A customer *at an instant* is one with a subscription then (paid, so after its trial), or, where that is asked for, one
//! active within so many local days before. For a period with customers S at its start and E at its end: N are those in E and
//! not in S, first-time or reactivated; L those in S and not in E. *Customer retention rate* = (E − N) / S = (S − L) / S,
//! *churn rate* = L / S: they add to 1. Who joins and leaves inside the period is in neither S nor E.
//!
//! A *purchase* is activity with a value above 0. *Repeat purchase rate* = customers with 2 purchases or more / with 1 or more,
//! within the period; the variant *ever* counts purchases up to the period's end of those who bought in it. APV = revenue /
//! purchases, APF = purchases / purchasing customers, ACL = mean of last less first activity of all customers so far, in
//! periods (understated, as customers still live). Simple CLV = APV × APF × ACL, all in the same periods; times a gross margin
//! where one is given. Observed CLV = all revenue so far / all customers so far. DAU and WAU are means over the days and
//! weeks of a period; stickiness = mean DAU / MAU.
//!
//! *Renewal rate* = terms renewed / terms due. A term of a paid subscription span is one interval of it, by anniversaries of its
//! start; it is due at its end, and renewed where the customer goes on paying then. A span that ends inside a term is due there,
//! unless another one goes on: that is a change of plan. *Trial conversion* = trials followed by a paid span of the customer /
//! trials started in the period, without those that have not ended yet, which are counted apart.
//!
//! *Lifecycle* of a period: new = first active period; returning = active also in the one before; resurrected = active, not in
//! the one before, but earlier; dormant = active in the one before, not in this. Segments are those of the first row.
//!
//! *Concentration* of revenue over the n customers with an amount in a period (net revenue of 0 or less counts as 0), or of MRR
//! over those who pay at its end: *Gini* = Σ (2i − n − 1) x / (n Σ x), amounts x ascending by rank i; *top decile share* = what the
//! ⌈n / 10⌉ who bring most bring / what all bring. Currencies are apart.
//!
//! ## Revenue beside heads
//!
//! Headcount retention misleads when customers differ in what they pay. Beside the summary of values stands *revenue retention*
//! of the cohorts that have lived an age whole: their value of the age / their value of age 0, and their share of members
//! retained there; not of brackets. Where the two are more than 5 points apart at the last such age, over all segments, the
//! result says so.
//!
//! ## Comparisons
//!
//! Two sides of a retention question, pooled at each age over exposed members: values of a column (segments as of birth or
//! latest), cohorts, *treated* and *control*, or those born before and since a moment. Treated and control are conditions on the
//! birth row, which has been found without them: a later row that meets one changes nothing. A customer on both sides is an
//! error; those on none are left out and counted. Ages that nobody of one side has lived are left out. Of several sides each is
//! held against the first.
//!
//! - *Difference* = compared − baseline in percentage points, with Newcombe's hybrid score interval (1998, method 10): with rates r
//!   and Wilson bounds l, u it is d − √((r_b − l_b)² + (u_a − r_a)²) to d + √((u_b − r_b)² + (r_a − l_a)²). *Relative change* =
//!   compared / baseline − 1.
//! - *Test*: of two proportions with pooled variance (chi-square, 1 degree of freedom), or Fisher's exact where an expected count
//!   is below 5; two-sided; none where all or none of both sides are retained. P-values are *adjusted* by Holm's procedure (1979)
//!   over all tests of a metric in the table.
//! - *Events* and *values* per exposed member: means, with Welch's interval and test; each currency apart. *Value so far* of members
//!   retained at the last age compared, and of those lost there, is looking ahead: who is lost is known only then, and it is not
//!   tested.
//! - *Rate and mix*: with w a segment's share of its side's exposed members and r its rate, rate = Σ (r_b − r_a)(w_a + w_b) / 2 and
//!   mix = Σ (w_b − w_a)(r_a + r_b) / 2 add up to the difference. A segment that one side lacks has no rate there; it is taken to be
//!   the other side's, so that it is mix alone.
//! - A *lift* is a difference between treated and control. Without a control there is a before/after difference: of those born
//!   since a moment less those born before.
//!
//! ## Recurring revenue
//!
//! MRR of a subscription span = amount × quantity, brought to a month (year / 12, half-year / 6, quarter / 3, week × 52 / 12,
//! day × 365 / 12), rounded once, half-even, to 6 decimals. It is paid from the start, or from the end of the trial, to the
//! first unpaid instant. MRR *at an end* is that just before it. Overlapping spans of a customer add up. Spans without amount
//! or interval, with an amount below 0, or that end before they start are no MRR.
//!
//! Movements between the ends of two periods, customer by customer: *new* (from nothing, never paid before), *reactivation*
//! (from nothing, had paid before, be it inside a period), *expansion*, *contraction*, *churn* (to nothing), *fx* (by rates of
//! exchange alone: what is paid at the end, less the same at the rate of the start; the other movements of who paid at the start are
//! at that rate, so that no more is lost than there was). Opening + new + reactivation + expansion − contraction − churn + fx = closing. By a segment that can
//! change, what a customer who stays loses in one segment and gains in another is *transfer*; it cancels over all. Each
//! currency is a block, in which "before" means before in it; converted amounts are one block.
//!
//! Where there are no spans, charges are: each pays for one interval from its instant on. Where a further charge of the customer in
//! its currency comes within a grace of some days of that end, early or late, it goes on until then; of several the nearest counts.
//! While the grace is not over it goes on. Charges of 0 or less are none.
//!
//! Retention of subscribers: birth is the first instant of recurring revenue, a member is retained at an age with some just
//! before its end (of an age in progress: before the end of the window), and the value is that revenue. The segment is that of
//! the first paid span. Stripe's dialect is this in UTC, with every member at age 0.
//!
//! Gross revenue retention = (opening − contraction − churn) / opening; net adds expansion; MRR churn rate = churn / opening;
//! quick ratio = (new + reactivation + expansion) / (contraction + churn), nothing where nothing was lost.
//!
//! ## Survey scores
//!
//! *NPS* = % promoters (9–10) − % detractors (0–6) of answers from 0 to 10, from −100 to 100, with the normal interval of a
//! difference of two shares of one sample. *CSAT* = satisfied / answers: the top two points of the scale, of one with three
//! points or fewer the top one; Wilson's interval. *CES* = mean score, with the normal interval of a mean. *Returned* = share
//! of answers that say they came back (any score but 0), an estimate of retention; weighted where answers have weights.
//! Blank answers count in none of them, nor do answers off their scale.
//!
//! Joined to retention: of those who answered alike in a period, the share who were active in the whole calendar period after it
//! (without activity in the history: who have recurring revenue just before its end). Of a customer's answers to a question in a
//! period the last counts; over all periods each customer counts once, with the first answer that is followed. Left out and
//! counted: answers whose next period is not over, and those of customers who had not been active (or paid) by the end of the
//! answer's period. Groups: promoters (9–10), passives, detractors (0–6); satisfied or not; effort scores above, at and below the
//! middle of the scale; yes or no. The first group is held against the last as in comparisons, with Holm's adjustment over the
//! table.
//!
//! ## Cancellations
//!
//! Counted by reason as it was stated; free text only as it stands. *MRR lost* is that of the customer's subscription spans
//! that had begun by the cancellation and end at it or later; of several cancellations within a span the last counts. *Tenure*
//! is the time from the first paid instant, or else the first activity, to the cancellation.
//!
//! ## Customers at risk
//!
//! A customer's *silence* is the local days from the last activity to the last day of the window. *Inactive for* n days: a silence
//! of n or more. *Overdue*: a silence longer than a quantile (0.95, by the nearest rank) of the customer's own gaps between active
//! days; with fewer than four gaps than that of the customers born in the same month, with fewer than twenty of these than that of
//! all. What is *at stake* is what the customer spent in the last 365 days of the window.
//!
//! ## Goals and rules
//!
//! A goal over metrics is judged by the last complete period that ends by its deadline: it is *reached*; else *open* until the
//! deadline has passed, and *missed* then, or at once where it has none. A rule fires once for each customer and *occurrence*: the
//! instant of the event it waits on; the last activity, where its condition is about silence; the period, where it is about metrics;
//! else once and for all.

mod age;
mod calendar;
mod cell;
mod criterion;
mod day;
mod decimal;
mod error;
mod granularity;
mod grouped;
mod instant;
mod money;
mod periods;
mod rolling;
mod schema;
mod window;
mod zone;

pub use age::{Age, Alignment};
pub use calendar::{Calendar, FiscalStart, WeekStart};
pub use cell::{Cell, CellState};
pub use criterion::{AgeRange, Brackets, Criterion};
pub use day::Day;
pub use decimal::{DIVISION_SCALE, Decimal, MAX_STORED_DIGITS};
pub use error::{Error, ErrorKind};
pub use granularity::{Granularity, Period};
pub use grouped::grouped;
pub use instant::{Instant, TimePoint};
pub use money::minor_digits;
pub use periods::{PeriodTable, Periods};
pub use rolling::{Anniversaries, Rolling};
pub use schema::{ColumnKind, DEFAULT_EVENT, Precision, Table, TableColumn, column, is_reserved_column};
pub use window::ObservationWindow;
pub use zone::{Zone, ZoneCursor};
