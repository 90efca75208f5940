//! Conditions on activity: as SQL for the engine, and judged here by three-valued logic.

use proptest::prelude::*;

use crate::calendar::Calendar;
use crate::log::{Log, Row};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Text {
    Event,
    Currency,
    Country,
    Plan,
    /// A column of the customers table.
    Tier,
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Text::Event => "event",
            Text::Currency => "currency",
            Text::Country => "country",
            Text::Plan => "plan",
            Text::Tier => "tier",
        }
    }

    fn of(self, row: &Row, log: &Log) -> Option<&'static str> {
        match self {
            Text::Event => Some(row.event),
            Text::Currency => row.currency,
            Text::Country => row.country,
            Text::Plan => row.plan,
            Text::Tier => log.profile(row.customer).and_then(|profile| profile.tier),
        }
    }

    fn values(self) -> &'static [&'static str] {
        match self {
            Text::Event => &crate::log::EVENTS,
            Text::Currency => &["EUR", "USD"],
            Text::Country => &["AT", "DE", "FR"],
            Text::Plan => &["basic", "pro"],
            Text::Tier => &["a", "b"],
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selector {
    Is(Text, &'static str),
    IsNot(Text, &'static str),
    In(Text, Vec<&'static str>),
    Missing(Text),
    ValueMissing,
    ValueAbove(i64),
    ValueAtMost(i64),
    /// From the start of a local day, in thousandths of the log's length.
    Since(i64),
    Not(Box<Selector>),
    And(Box<Selector>, Box<Selector>),
    Or(Box<Selector>, Box<Selector>),
}

impl Selector {
    pub(crate) fn sql(&self, log: &Log) -> String {
        let cents = |cents: &i64| format!("{}{}.{:02}", if *cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
        match self {
            Selector::Is(text, name) => format!("{} = '{name}'", text.name()),
            Selector::IsNot(text, name) => format!("{} <> '{name}'", text.name()),
            Selector::In(text, names) => format!("{} in ('{}')", text.name(), names.join("', '")),
            Selector::Missing(text) => format!("{} is null", text.name()),
            Selector::ValueMissing => "value is null".to_owned(),
            Selector::ValueAbove(limit) => format!("value > {}", cents(limit)),
            Selector::ValueAtMost(limit) => format!("value <= {}", cents(limit)),
            Selector::Since(permille) => format!("time >= '{}'", log.date(*permille)),
            Selector::Not(a) => format!("not ({})", a.sql(log)),
            Selector::And(a, b) => format!("({}) and ({})", a.sql(log), b.sql(log)),
            Selector::Or(a, b) => format!("({}) or ({})", a.sql(log), b.sql(log)),
        }
    }

    /// True, false, or nothing: a missing value is neither equal nor unequal to another.
    fn judge(&self, row: &Row, log: &Log, calendar: &Calendar) -> Option<bool> {
        let judge = |part: &Selector| part.judge(row, log, calendar);
        match self {
            Selector::Is(text, name) => text.of(row, log).map(|found| found == *name),
            Selector::IsNot(text, name) => text.of(row, log).map(|found| found != *name),
            Selector::In(text, names) => text.of(row, log).map(|found| names.contains(&found)),
            Selector::Missing(text) => Some(text.of(row, log).is_none()),
            Selector::ValueMissing => Some(row.cents.is_none()),
            Selector::ValueAbove(limit) => row.cents.map(|cents| cents > *limit),
            Selector::ValueAtMost(limit) => row.cents.map(|cents| cents <= *limit),
            Selector::Since(permille) => Some(row.time >= calendar.start_of_day(log.date(*permille))),
            Selector::Not(a) => judge(a).map(|yes| !yes),
            Selector::And(a, b) => match (judge(a), judge(b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Selector::Or(a, b) => match (judge(a), judge(b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }

    /// Whether it asks for what a log does not have: an event, or the customers table.
    pub(crate) fn is_strange_to(&self, log: &Log) -> bool {
        let unknown = |name: &&str| !log.rows.iter().any(|row| row.event == *name);
        match self {
            Selector::Is(Text::Event, name) => unknown(name),
            Selector::IsNot(Text::Event, name) => unknown(name),
            Selector::In(Text::Event, names) => names.iter().any(unknown),
            Selector::Is(Text::Tier, _) | Selector::IsNot(Text::Tier, _) | Selector::In(Text::Tier, _) => log.customers.is_none(),
            Selector::Missing(Text::Tier) => log.customers.is_none(),
            Selector::Not(a) => a.is_strange_to(log),
            Selector::And(a, b) | Selector::Or(a, b) => a.is_strange_to(log) || b.is_strange_to(log),
            _ => false,
        }
    }

    /// The events that its top-level terms name.
    pub(crate) fn named_events(&self) -> Vec<Vec<&'static str>> {
        match self {
            Selector::Is(Text::Event, name) => vec![vec![name]],
            Selector::In(Text::Event, names) => vec![names.clone()],
            Selector::And(a, b) => [a.named_events(), b.named_events()].concat(),
            _ => Vec::new(),
        }
    }
}

/// Whether a row is selected; all are where there is no condition.
pub(crate) fn selects(selector: Option<&Selector>, row: &Row, log: &Log, calendar: &Calendar) -> bool {
    selector.is_none_or(|selector| selector.judge(row, log, calendar) == Some(true))
}

pub(crate) fn selectors() -> impl Strategy<Value = Selector> {
    let text = prop_oneof![4 => Just(Text::Event), 2 => Just(Text::Country), 2 => Just(Text::Plan), 1 => Just(Text::Currency), 1 => Just(Text::Tier)];
    let name = |text: Text| (Just(text), prop::sample::select(text.values()));
    let names = |text: Text| (Just(text), prop::sample::subsequence(text.values(), 1..=text.values().len()));
    let leaf = prop_oneof![
        5 => text.clone().prop_flat_map(name).prop_map(|(text, name)| Selector::Is(text, name)),
        1 => text.clone().prop_flat_map(name).prop_map(|(text, name)| Selector::IsNot(text, name)),
        2 => text.clone().prop_flat_map(names).prop_map(|(text, names)| Selector::In(text, names)),
        1 => text.prop_map(Selector::Missing),
        1 => Just(Selector::ValueMissing),
        1 => (-2_000i64..4_000).prop_map(Selector::ValueAbove),
        1 => (-2_000i64..4_000).prop_map(Selector::ValueAtMost),
        1 => (0i64..1_000).prop_map(Selector::Since),
    ];
    let named = prop::sample::select(Text::Event.values()).prop_map(|name| Selector::Is(Text::Event, name));
    let pinned = (named, leaf.clone()).prop_map(|(a, b)| Selector::And(a.into(), b.into()));
    let any = leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Selector::And(a.into(), b.into())),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Selector::Or(a.into(), b.into())),
            1 => inner.prop_map(|a| Selector::Not(a.into())),
        ]
    });
    prop_oneof![1 => pinned, 3 => any]
}
