//! Conditions on activity: as SQL for the engine, and judged here by three-valued logic.

use proptest::prelude::*;

use crate::log::Row;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Text {
    Event,
    Currency,
    Country,
    Plan,
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Text::Event => "event",
            Text::Currency => "currency",
            Text::Country => "country",
            Text::Plan => "plan",
        }
    }

    fn of(self, row: &Row) -> Option<&'static str> {
        match self {
            Text::Event => Some(row.event),
            Text::Currency => row.currency,
            Text::Country => row.country,
            Text::Plan => row.plan,
        }
    }

    fn values(self) -> &'static [&'static str] {
        match self {
            Text::Event => &crate::log::EVENTS,
            Text::Currency => &["EUR", "USD"],
            Text::Country => &["AT", "DE", "FR"],
            Text::Plan => &["basic", "pro"],
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
    Not(Box<Selector>),
    And(Box<Selector>, Box<Selector>),
    Or(Box<Selector>, Box<Selector>),
}

impl Selector {
    pub(crate) fn sql(&self) -> String {
        let cents = |cents: &i64| format!("{}{}.{:02}", if *cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
        match self {
            Selector::Is(text, name) => format!("{} = '{name}'", text.name()),
            Selector::IsNot(text, name) => format!("{} <> '{name}'", text.name()),
            Selector::In(text, names) => format!("{} in ('{}')", text.name(), names.join("', '")),
            Selector::Missing(text) => format!("{} is null", text.name()),
            Selector::ValueMissing => "value is null".to_owned(),
            Selector::ValueAbove(limit) => format!("value > {}", cents(limit)),
            Selector::ValueAtMost(limit) => format!("value <= {}", cents(limit)),
            Selector::Not(a) => format!("not ({})", a.sql()),
            Selector::And(a, b) => format!("({}) and ({})", a.sql(), b.sql()),
            Selector::Or(a, b) => format!("({}) or ({})", a.sql(), b.sql()),
        }
    }

    /// True, false, or nothing: a missing value is neither equal nor unequal to another.
    fn judge(&self, row: &Row) -> Option<bool> {
        match self {
            Selector::Is(text, name) => text.of(row).map(|found| found == *name),
            Selector::IsNot(text, name) => text.of(row).map(|found| found != *name),
            Selector::In(text, names) => text.of(row).map(|found| names.contains(&found)),
            Selector::Missing(text) => Some(text.of(row).is_none()),
            Selector::ValueMissing => Some(row.cents.is_none()),
            Selector::ValueAbove(limit) => row.cents.map(|cents| cents > *limit),
            Selector::ValueAtMost(limit) => row.cents.map(|cents| cents <= *limit),
            Selector::Not(a) => a.judge(row).map(|yes| !yes),
            Selector::And(a, b) => match (a.judge(row), b.judge(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Selector::Or(a, b) => match (a.judge(row), b.judge(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
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
pub(crate) fn selects(selector: Option<&Selector>, row: &Row) -> bool {
    selector.is_none_or(|selector| selector.judge(row) == Some(true))
}

pub(crate) fn selectors() -> impl Strategy<Value = Selector> {
    let text = prop_oneof![4 => Just(Text::Event), 2 => Just(Text::Country), 2 => Just(Text::Plan), 1 => Just(Text::Currency)];
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
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Selector::And(a.into(), b.into())),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Selector::Or(a.into(), b.into())),
            1 => inner.prop_map(|a| Selector::Not(a.into())),
        ]
    })
}
