//! Reference values of an industry, shown beside a business's own.

use tenure_model::{Decimal, Period};

use crate::metrics::{Metric, MetricKind};

/// What a metric is in an industry, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// The industry.
    pub industry: String,
    /// The metric.
    pub metric: &'static Metric,
    /// The length of the periods that the value is about: a rate belongs to a stated period.
    pub period: Period,
    /// The value; of a rate 1 is 100 %.
    pub value: Decimal,
    /// Where the value comes from.
    pub source: String,
}

impl Benchmark {
    /// Whether it can stand beside a metric of periods of that length.
    pub(crate) fn is_about(&self, metric: &Metric, period: Period) -> bool {
        self.metric.name == metric.name && self.period == period
    }

    /// What is to be said of it beside metrics of periods: the value and its source, or why it is not comparable.
    pub(crate) fn note(&self, period: Period) -> String {
        let Self { industry, metric, value, source, .. } = self;
        let value = match metric.kind {
            MetricKind::Rate => format!("{:.1} %", value.to_f64() * 100.0),
            MetricKind::Count | MetricKind::Money | MetricKind::Number => value.to_string(),
        };
        let compared = if self.is_about(metric, period) {
            String::new()
        } else {
            format!(
                "; it is about a {}, and these periods are each a {period}: not comparable, ask with --period {}",
                self.period, self.period
            )
        };
        format!("{} in {industry}: {value} a {} ({source}){compared}", metric.name.replace('_', " "), self.period)
    }
}
