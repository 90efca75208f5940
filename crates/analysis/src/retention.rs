use tenure_history::{Column, History};
use tenure_model::{Age, Cell, Decimal, Instant, ObservationWindow, Period, TimePoint, Zone};

use crate::error::Error;
use crate::interval::Wilson;
use crate::matrix::{CellValue, CohortCell, CohortRow, CohortStart, Definition, RetentionMatrix, SummaryPoint, Totals};
use crate::query::{Ages, Measure, RetentionQuery, Summary};
use crate::timeline::Timeline;
use crate::walk::{Bounds, Counts, Priced};

/// More ages than any history has.
pub const MOST_AGES: u32 = 100_000;

/// More cells than anybody looks at.
const MOST_CELLS: u64 = 20_000_000;

/// Computes the retention matrix of a history.
///
/// Cohorts are made of the customers whose first activity, judged over the whole history, falls into a period; a member
/// is retained at an age who has activity in it. Cells of ages that not every member has lived are marked, and enter no
/// rate; the crate `tenure-model` defines every word.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a query that contradicts itself, [`crate::ErrorKind::History`] where reading fails.
pub fn retention(history: &History, query: &RetentionQuery) -> Result<RetentionMatrix, Error> {
    query.check()?;
    let zone = query.zone.clone().unwrap_or_else(|| history.home_zone().clone());
    let instant = |point: Option<TimePoint>| point.map(|point| point.resolve(&zone));
    let (born_from, born_until) = (instant(query.born_from), instant(query.born_until));
    if let (Some(from), Some(until)) = (born_from, born_until)
        && from >= until
    {
        return Err(Error::query(format!(
            "nobody can be born from {from} until {until}: --born-from must be before --born-until"
        )));
    }
    let observed = history.window();
    let until = instant(query.as_of).or(observed.until);
    let window = ObservationWindow { from: observed.from, until };
    let mut matrix = RetentionMatrix {
        definition: definition(history, query, &zone, born_from, born_until),
        measure: query.measure,
        window,
        totals: Totals::default(),
        ages: Vec::new(),
        cohorts: Vec::new(),
        summary: Vec::new(),
    };
    let (Some((first, last)), Some(until)) = (history.span(), until) else { return Ok(matrix) };
    let timeline = Timeline::new(history, query, first, last)?;
    let bounds = Bounds {
        until: (until <= last).then_some(until.0),
        born_from: born_from.filter(|from| *from > first).map(|at| at.0),
        born_until: born_until.filter(|until| *until <= last).map(|at| at.0),
    };
    let columns = columns(&timeline, bounds, query.measure);
    let counts = history.scan(&columns).fold(
        || Counts::new(&timeline, query.measure),
        |counts, rows| {
            counts.walk(&timeline, bounds, rows);
            Ok::<(), Error>(())
        },
        Counts::join,
    )?;
    let assembly =
        Assembly { timeline: &timeline, counts: &counts, lived: Lived::new(&timeline, until), scale: history.value_scale() };
    let members: u64 = counts.members.iter().sum();
    matrix.totals = Totals {
        customers: members + counts.born_outside,
        members,
        memberships: members,
        born_outside_range: counts.born_outside,
        ..Totals::default()
    };
    matrix.ages = assembly.ages(&query.ages)?;
    let wilson = Wilson::new(query.level);
    matrix.cohorts = assembly.cohorts(&matrix.ages, query.measure, &wilson);
    let distinct = assembly.one_for_each_cohort(&matrix.cohorts);
    matrix.summary = summarize(&distinct, &matrix.ages, query.summary, &wilson);
    Ok(matrix)
}

/// Just the columns that the answer rests on.
fn columns(timeline: &Timeline, bounds: Bounds, measure: Measure) -> Vec<Column<'static>> {
    let mut columns = vec![timeline.column()];
    if bounds.need_time() && columns[0] != Column::Time {
        columns.push(Column::Time);
    }
    if measure == Measure::Value {
        columns.extend([Column::Value, Column::Currency]);
    }
    columns
}

fn definition(
    history: &History,
    query: &RetentionQuery,
    zone: &Zone,
    born_from: Option<Instant>,
    born_until: Option<Instant>,
) -> Definition {
    Definition {
        source: "activity",
        birth: "first",
        born: None,
        returned: None,
        filter: None,
        min_returns: 1,
        cohort: query.cohort.to_string(),
        age: query.age_period().to_string(),
        alignment: query.alignment.to_string(),
        criterion: query.criterion.to_string(),
        brackets: None,
        by: Vec::new(),
        segment_as_of: "birth",
        measure: query.measure.to_string(),
        currency: None,
        zone: zone.name().to_owned(),
        week_start: query.week_start.to_string(),
        fiscal_start: query.fiscal_start.to_string(),
        cohort_origin: [query.cohort, query.age_period()]
            .iter()
            .any(|period| matches!(period, Period::Block(..)))
            .then(|| query.origin.map(|day| day.to_string()))
            .flatten(),
        born_from: born_from.map(|at| at.to_string()),
        born_until: born_until.map(|at| at.to_string()),
        summary: query.summary.to_string(),
        level: query.level,
        dialect: "tenure",
        content: history.content().to_string(),
    }
}

/// How far time has come at the end of the window, in age periods.
struct Lived {
    /// The period that `until` falls into, or starts: those before it are lived.
    at_until: i32,
    /// The last period that has begun before `until`.
    begun: i32,
}

impl Lived {
    fn new(timeline: &Timeline, until: Instant) -> Self {
        Self { at_until: timeline.ages.number_at(until), begun: timeline.ages.number_at(Instant(until.0.saturating_sub(1))) }
    }
}

struct Assembly<'a> {
    timeline: &'a Timeline,
    counts: &'a Counts,
    lived: Lived,
    scale: u8,
}

impl Assembly<'_> {
    /// The birth groups of each cohort, in order of time.
    fn groups_by_cohort(&self) -> Vec<(i32, Vec<usize>)> {
        let mut cohorts: Vec<(i32, Vec<usize>)> = Vec::new();
        for (group, &(cohort, _)) in self.timeline.births.iter().enumerate() {
            if self.counts.members[group] == 0 {
                continue;
            }
            match cohorts.last_mut() {
                Some((last, groups)) if *last == cohort => groups.push(group),
                _ => cohorts.push((cohort, vec![group])),
            }
        }
        cohorts
    }

    fn ages(&self, ages: &Ages) -> Result<Vec<Age>, Error> {
        let count = match ages {
            Ages::At(ages) => return Ok(ages.clone()),
            Ages::First(n) => *n,
            Ages::Begun => {
                let births = self.timeline.births.iter().enumerate().filter(|(group, _)| self.counts.members[*group] > 0);
                let oldest = births.map(|(_, &(_, period))| self.lived.begun - period).max();
                oldest.map_or(0, |oldest| oldest.max(0) as u32 + 1)
            }
        };
        let cohorts = self.groups_by_cohort().len() as u64;
        if count > MOST_AGES || cohorts * u64::from(count) > MOST_CELLS {
            let unit = self.timeline.ages.period();
            return Err(Error::query(format!(
                "{cohorts} cohorts by {count} ages (counted by {unit}) are too many to show; choose longer periods, --ages, --at or --born-from"
            )));
        }
        Ok((0..count).map(Age).collect())
    }

    fn cohorts(&self, ages: &[Age], measure: Measure, wilson: &Wilson) -> Vec<CohortRow> {
        let nothing = self.counts.no_amounts();
        let mut blocks: Vec<(Option<&String>, Option<&Priced>)> = match measure {
            Measure::Value => {
                let mut blocks: Vec<_> =
                    self.counts.priced.iter().map(|(currency, priced)| (currency.as_ref(), Some(priced))).collect();
                blocks.sort_by_key(|(currency, _)| *currency);
                blocks
            }
            Measure::Customers | Measure::Events => vec![(None, None)],
        };
        if blocks.is_empty() {
            // No amount at all: one block that says so.
            blocks.push((None, Some(&nothing)));
        }
        let mut rows = Vec::new();
        for (cohort, groups) in self.groups_by_cohort() {
            let size: u64 = groups.iter().map(|&group| self.counts.members[group]).sum();
            let plain: Vec<CohortCell> = ages.iter().map(|&age| self.plain_cell(age, &groups, size, wilson)).collect();
            for (currency, priced) in &blocks {
                let mut cells = plain.clone();
                if let Some(priced) = priced {
                    self.add_values(&mut cells, &groups, size, priced);
                }
                rows.push(CohortRow { start: self.start(cohort), currency: currency.cloned(), size, cells });
            }
        }
        rows
    }

    fn start(&self, cohort: i32) -> CohortStart {
        let cohorts = &self.timeline.cohorts;
        if cohorts.by_day() {
            CohortStart::Day(cohorts.first_day(cohort))
        } else {
            let start = cohorts.start(cohort);
            CohortStart::Hour(start, start.in_zone(self.timeline.zone()))
        }
    }

    /// The counter of a birth group at an age, if the history has rows so late.
    fn cell_at(&self, group: usize, age: Age) -> Option<usize> {
        let period = self.period(group, age)? - self.timeline.first_period;
        (period < self.timeline.period_count as i32).then(|| self.counts.cell(group, period as usize))
    }

    fn period(&self, group: usize, age: Age) -> Option<i32> {
        self.timeline.births[group].1.checked_add_unsigned(age.0)
    }

    fn plain_cell(&self, age: Age, groups: &[usize], size: u64, wilson: &Wilson) -> CohortCell {
        let (mut exposed, mut retained, mut retained_exposed, mut begun) = (0, 0, 0, false);
        for &group in groups {
            let Some(period) = self.period(group, age) else { continue };
            let here = self.cell_at(group, age).map_or(0, |cell| self.counts.retained.get(cell));
            retained += here;
            begun |= period <= self.lived.begun;
            if period < self.lived.at_until {
                exposed += self.counts.members[group];
                retained_exposed += here;
            }
        }
        let cell = if exposed == size {
            Cell::Complete { size, retained }
        } else if begun {
            Cell::InProgress { exposed, retained, retained_exposed }
        } else {
            Cell::Unobserved
        };
        let interval = if let Cell::Complete { .. } = cell { wilson.interval(retained, size) } else { None };
        let events = self.counts.events.as_ref().filter(|_| cell != Cell::Unobserved);
        let events =
            events.map(|events| groups.iter().filter_map(|&group| self.cell_at(group, age)).map(|cell| events.get(cell)).sum());
        CohortCell { age, cell, interval, events, value: None }
    }

    fn add_values(&self, cells: &mut [CohortCell], groups: &[usize], size: u64, priced: &Priced) {
        let sum = |counters: &crate::tally::Cells<u64>, age: Age| -> u64 {
            groups.iter().filter_map(|&group| self.cell_at(group, age)).map(|cell| counters.get(cell)).sum()
        };
        let total = |age: Age| -> i128 {
            groups.iter().filter_map(|&group| self.cell_at(group, age)).map(|cell| priced.total.get(cell)).sum()
        };
        let (mut cumulative, mut next) = (0i128, 0);
        for cell in cells.iter_mut().filter(|cell| cell.cell != Cell::Unobserved) {
            let age = cell.age;
            while next <= age.0 {
                cumulative += total(Age(next));
                next += 1;
            }
            let unpriced = self.counts.unpriced.as_ref().map_or(0, |unpriced| sum(unpriced, age));
            let active = cell.cell.retained().unwrap_or_default();
            let here = Decimal::new(total(age), self.scale);
            cell.events = Some(sum(&priced.events, age) + unpriced);
            cell.value = Some(CellValue {
                active,
                total: here,
                missing: sum(&priced.missing, age) + unpriced,
                per_member: here.divided_by(size),
                per_active: here.divided_by(active),
                cumulative_per_member: Decimal::new(cumulative, self.scale).divided_by(size),
            });
        }
    }

    /// The cohorts once each, where there is a row for each currency.
    fn one_for_each_cohort<'a>(&self, rows: &'a [CohortRow]) -> Vec<&'a CohortRow> {
        let mut distinct: Vec<&CohortRow> = rows.iter().collect();
        distinct.dedup_by(|a, b| a.start == b.start);
        distinct
    }
}

fn summarize(cohorts: &[&CohortRow], ages: &[Age], method: Summary, wilson: &Wilson) -> Vec<SummaryPoint> {
    let mut points = Vec::new();
    for (place, &age) in ages.iter().enumerate() {
        let cells = cohorts.iter().map(|cohort| cohort.cells[place].cell);
        let counted: Vec<Cell> = match method {
            Summary::Pooled => cells.filter(|cell| cell.exposed().is_some_and(|exposed| exposed > 0)).collect(),
            Summary::Mean | Summary::Median => cells.filter(|cell| cell.rate().is_some()).collect(),
        };
        if counted.is_empty() {
            continue;
        }
        let exposed: u64 = counted.iter().filter_map(Cell::exposed).sum();
        let retained: u64 = counted.iter().filter_map(Cell::retained_exposed).sum();
        let mut rates: Vec<f64> = counted.iter().filter_map(Cell::rate).collect();
        let rate = match method {
            Summary::Pooled => retained as f64 / exposed as f64,
            Summary::Mean => rates.iter().sum::<f64>() / rates.len() as f64,
            Summary::Median => median(&mut rates),
        };
        let interval = if method == Summary::Pooled { wilson.interval(retained, exposed) } else { None };
        points.push(SummaryPoint { age, cohorts: counted.len() as u64, exposed, retained, rate, interval });
    }
    points
}

/// The middle of some numbers; of an even count the mean of the two in the middle.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { (numbers[middle - 1] + numbers[middle]) / 2.0 }
}
