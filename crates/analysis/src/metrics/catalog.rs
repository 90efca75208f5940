//! The metrics that there are, each with its definition.

use tenure_expression::near;

use crate::error::Error;

/// What a metric's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A count of customers or events.
    Count,
    /// A share of a whole: 1 is 100 %.
    Rate,
    /// An amount of money, in a currency.
    Money,
    /// A mean or a ratio.
    Number,
}

/// A metric: its name and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name, as flags and results have it.
    pub name: &'static str,
    /// What its values are.
    pub kind: MetricKind,
    /// The definition in words.
    pub definition: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// The formula with numbers.
    pub example: &'static str,
}

const fn metric(
    name: &'static str,
    kind: MetricKind,
    definition: &'static str,
    formula: &'static str,
    example: &'static str,
) -> Metric {
    Metric { name, kind, definition, formula, example }
}

use MetricKind::{Count, Money, Number, Rate};

/// All metrics, in the order of results.
pub const METRICS: &[Metric] = &[
    metric(
        "customers_start",
        Count,
        "customers at the start of the period: with a subscription then, or active within --active-within before it",
        "S",
        "1000",
    ),
    metric(
        "customers_new",
        Count,
        "customers at the end and not at the start, first-time and reactivated",
        "N = E − (S − L)",
        "20",
    ),
    metric("customers_first_time", Count, "those of the new who had never been customers", "part of N", "15"),
    metric("customers_reactivated", Count, "those of the new who had been customers before", "part of N", "5"),
    metric("customers_lost", Count, "customers at the start and not at the end", "L", "50"),
    metric("customers_end", Count, "customers at the end of the period", "E", "970"),
    metric(
        "joined_and_left",
        Count,
        "who became a customer and ceased to be one inside the period: in neither the start nor the end",
        "",
        "3",
    ),
    metric(
        "customer_retention_rate",
        Rate,
        "share of the customers at the start who are customers at the end",
        "(E − N) / S = (S − L) / S",
        "(970 − 20) / 1000 = 95 %",
    ),
    metric("churn_rate", Rate, "share of the customers at the start who are none at the end", "L / S", "50 / 1000 = 5 %"),
    metric("active_customers", Count, "distinct customers with activity in the period", "", "1200"),
    metric("new_customers", Count, "active customers whose first activity is in the period", "", "300"),
    metric("dau", Number, "daily active customers, mean over the days of the period", "Σ active a day / days", "9000 / 30 = 300"),
    metric(
        "wau",
        Number,
        "weekly active customers, mean over the weeks that start in the period",
        "Σ active a week / weeks",
        "3200 / 4 = 800",
    ),
    metric("mau", Count, "monthly active customers; of monthly periods alone", "", "1200"),
    metric(
        "stickiness",
        Rate,
        "daily of monthly active customers; of monthly periods alone",
        "mean DAU / MAU",
        "300 / 1200 = 25 %",
    ),
    metric("revenue", Money, "sum of the values of the period's activity, refunds taken off", "Σ value", "60000"),
    metric("purchases", Count, "activity with a value above 0", "", "1200"),
    metric("purchasing_customers", Count, "distinct customers with a purchase in the period", "", "1000"),
    metric("average_purchase_value", Money, "revenue per purchase (APV)", "revenue / purchases", "60000 / 1200 = 50"),
    metric(
        "purchase_frequency",
        Number,
        "purchases per purchasing customer in the period (APF)",
        "purchases / purchasing customers",
        "1200 / 1000 = 1.2",
    ),
    metric(
        "repeat_purchase_rate",
        Rate,
        "share of the period's purchasing customers with 2 purchases or more within the period",
        "customers with ≥ 2 / customers with ≥ 1",
        "200 / 1000 = 20 %",
    ),
    metric(
        "repeat_purchase_rate_ever",
        Rate,
        "share of the period's purchasing customers with 2 purchases or more up to its end, whenever the first was",
        "customers with ≥ 2 ever / customers with ≥ 1 in the period",
        "600 / 1000 = 60 %",
    ),
    metric("arpc", Money, "average revenue per customer active in the period", "revenue / active customers", "60000 / 1200 = 50"),
    metric(
        "existing_revenue_share",
        Rate,
        "share of revenue from customers whose first activity was before the period",
        "revenue of existing customers / revenue",
        "45000 / 60000 = 75 %",
    ),
    metric(
        "gini",
        Rate,
        "how unevenly the period's revenue is spread over the customers with an amount in it: 0 all alike, towards 1 all from one; net revenue of 0 or less counts as 0",
        "Σ (2i − n − 1) x / (n Σ x), amounts x ascending, rank i of n",
        "of 10, 20, 30, 40: 100 / (4 × 100) = 25 %",
    ),
    metric(
        "top_decile_share",
        Rate,
        "share of the period's revenue from the tenth of those customers who bring most (at least one of them); net revenue of 0 or less counts as 0",
        "revenue of the top ⌈n / 10⌉ / revenue",
        "36000 / 60000 = 60 %",
    ),
    metric(
        "clv_observed",
        Money,
        "all revenue up to the end of the period per customer seen so far",
        "Σ revenue so far / customers so far",
        "900000 / 6000 = 150",
    ),
    metric(
        "customer_lifespan",
        Number,
        "observed lifespan (ACL) in periods: mean of last less first activity, of customers seen so far; understated, as customers still live",
        "mean (last − first) / days of a period",
        "150 days / 30 = 5",
    ),
    metric(
        "clv_simple",
        Money,
        "simple lifetime value with the observed lifespan, in the same periods",
        "APV × APF × ACL",
        "50 × 4 × 5 = 1000",
    ),
    metric(
        "clv_margin",
        Money,
        "simple lifetime value times the gross margin given with --margin",
        "CLV × margin",
        "1000 × 0.6 = 600",
    ),
    metric(
        "ltv_cac",
        Number,
        "observed lifetime value for each unit of the cost given with --cac",
        "CLV observed / CAC",
        "150 / 50 = 3",
    ),
    metric(
        "terms_due",
        Count,
        "terms of paid subscriptions that end in the period: by anniversaries of the start, or where the subscription ends; a change of plan inside a term is none",
        "",
        "50",
    ),
    metric("terms_renewed", Count, "those of the due after which the customer goes on paying", "", "40"),
    metric(
        "renewal_rate",
        Rate,
        "share of the terms due in the period that are renewed",
        "terms renewed / terms due",
        "40 / 50 = 80 %",
    ),
    metric("trials_started", Count, "trials that start in the period", "", "120"),
    metric("trials_in_progress", Count, "those of them that have not ended before the end of the window", "", "20"),
    metric(
        "trial_conversion_rate",
        Rate,
        "share of the trials started in the period, and over, that the customer followed by a paid subscription",
        "trials with a later paid span / (trials started − trials in progress)",
        "25 / (120 − 20) = 25 %",
    ),
    metric("mrr", Money, "monthly recurring revenue at the end of the period", "Σ amount × quantity / months", "100 × 50 = 5000"),
    metric(
        "mrr_per_customer",
        Money,
        "MRR per paying customer at the end of the period",
        "MRR / paying customers",
        "5000 / 100 = 50",
    ),
    metric(
        "gross_revenue_retention",
        Rate,
        "share of the opening MRR that is left without counting what expanded",
        "(opening − contraction − churn) / opening",
        "(5000 − 100 − 400) / 5000 = 90 %",
    ),
    metric(
        "net_revenue_retention",
        Rate,
        "opening MRR that is left with what expanded",
        "(opening − contraction − churn + expansion) / opening",
        "(5000 − 100 − 400 + 600) / 5000 = 102 %",
    ),
    metric("mrr_churn_rate", Rate, "share of the opening MRR whose customers left", "churn / opening", "400 / 5000 = 8 %"),
    metric(
        "quick_ratio",
        Number,
        "MRR won for each unit lost; empty when nothing was lost",
        "(new + reactivation + expansion) / (contraction + churn)",
        "(900 + 0 + 600) / (100 + 400) = 3",
    ),
    metric(
        "mrr_gini",
        Rate,
        "how unevenly MRR at the end of the period is spread over those who pay it: 0 all alike, towards 1 all from one",
        "Σ (2i − n − 1) x / (n Σ x), MRR x ascending, rank i of n",
        "of 10, 20, 30, 40: 100 / (4 × 100) = 25 %",
    ),
    metric(
        "mrr_top_decile_share",
        Rate,
        "share of MRR at the end of the period from the tenth of paying customers who pay most (at least one of them)",
        "MRR of the top ⌈n / 10⌉ / MRR",
        "3000 / 5000 = 60 %",
    ),
];

/// The metric of a name.
///
/// # Errors
///
/// For a name that there is not, with those near it; and for `crr`, which the literature uses for two.
pub fn metric_named(name: &str) -> Result<&'static Metric, Error> {
    if let Some(metric) = METRICS.iter().find(|metric| metric.name == name) {
        return Ok(metric);
    }
    if name.eq_ignore_ascii_case("crr") {
        return Err(Error::query(
            "--metric crr: the literature uses it for both customer_retention_rate and churn_rate; choose one of them",
        ));
    }
    let close = near(name, METRICS.iter().map(|metric| metric.name));
    let hint = if close.is_empty() {
        "tenure metrics --list shows them all".to_owned()
    } else {
        format!("did you mean {}?", close.join(" or "))
    };
    Err(Error::query(format!("--metric {name}: no such metric; {hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_told_apart() {
        assert_eq!(metric_named("churn_rate").unwrap().formula, "L / S");
        assert!(metric_named("CRR").unwrap_err().to_string().contains("both customer_retention_rate and churn_rate"));
        assert!(metric_named("churn_rat").unwrap_err().to_string().contains("did you mean churn_rate"));
        let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        assert!(METRICS.iter().all(|metric| !metric.definition.is_empty() && !metric.example.is_empty()));
    }
}
