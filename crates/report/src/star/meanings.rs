//! What the columns of the star mean.

use crate::star::StarTable;

/// Columns that mean the same wherever they stand.
const EVERYWHERE: &[(&str, &str)] = &[
    ("customer_key", "the customer's number in this export"),
    ("date", "the local date"),
    ("time", "the instant, UTC"),
    ("segment", "the segment's key: (all), or column=value; the column alone where the value is missing"),
    ("currency", "the currency of amounts; missing where they bear none"),
    ("state", "complete, in_progress or unobserved: only what is complete is comparable"),
    ("low", "the lower bound of the 95 % interval"),
    ("high", "the upper bound of the 95 % interval"),
];

const CUSTOMER: &[(&str, &str)] = &[
    ("customer_id", "the customer's id as exports have it, or its pseudonym"),
    ("first_activity", "the birth: the instant of the first activity"),
    ("last_activity", "the instant of the last activity"),
    ("activities", "rows of activity"),
    ("cohort", "the first day of the period of the birth; missing without activity"),
    (
        "segment",
        "the segment at birth; (all) where the export has none; missing of customers without activity, who have no birth",
    ),
    ("listed", "whether a customers export lists the customer"),
    ("signed_up", "the sign-up date that a customers export declares"),
];

const DATE: &[(&str, &str)] = &[
    ("date", "the day"),
    ("year", "the calendar year"),
    ("quarter", "1 to 4"),
    ("month", "1 to 12"),
    ("day_of_month", "1 to 31"),
    ("day_of_week", "1 for Monday to 7 for Sunday"),
    ("year_month", "such as 2024-03"),
    ("month_start", "the first day of the month"),
    ("week_start", "the Monday of the week"),
];

const SEGMENT: &[(&str, &str)] = &[
    ("by", "the column whose values are segments; missing of (all)"),
    ("value", "the value; missing of (all), and where the data has none"),
    ("label", "what people see: the value, (none) or (all)"),
];

const ACTIVITY: &[(&str, &str)] = &[("event", "the event's name"), ("value", "the exact amount; missing is not zero")];

const RETENTION: &[(&str, &str)] = &[
    ("cohort", "the first day of the period in which the members were born"),
    ("age", "whole periods since birth; 0 is the birth period"),
    ("size", "members of the cohort"),
    ("exposed", "members who have lived the whole of the age"),
    ("retained", "members with activity in the age's period, so far"),
    ("retained_exposed", "those of them who are exposed"),
    ("rate", "retained / size, of complete cells"),
    ("provisional_rate", "retained_exposed / exposed, of cells in progress"),
    ("events", "activities in the age's period"),
    ("active", "members with a counted return in the age's period"),
    ("value", "the sum of amounts in the age's period"),
    ("value_missing", "activities without an amount"),
    ("value_per_member", "value / size"),
    ("value_per_active", "value / active"),
    ("value_cumulative_per_member", "the sum of amounts of ages 0 to this / size: observed lifetime value"),
];

const MRR: &[(&str, &str)] = &[
    ("date", "the first day of the period"),
    ("opening", "monthly recurring revenue at the end of the period before"),
    ("new", "of customers who never paid before"),
    ("reactivation", "of customers who paid before, but not at the opening"),
    ("expansion", "more than at the opening"),
    ("contraction", "less than at the opening"),
    ("churn", "of customers who pay nothing any more"),
    ("fx", "by change of rates of exchange alone"),
    ("transfer_in", "from other segments"),
    ("transfer_out", "to other segments"),
    ("closing", "at the end of the period; of one in progress at the end of the window"),
    ("gross_revenue_retention", "(opening - contraction - churn) / opening"),
    ("net_revenue_retention", "(opening - contraction - churn + expansion) / opening"),
    ("mrr_churn_rate", "churn / opening"),
    ("quick_ratio", "(new + reactivation + expansion) / (contraction + churn)"),
    ("customers_opening", "paying customers at the start of the period"),
    ("customers_closing", "paying customers at the end of the period"),
];

const METRIC: &[(&str, &str)] = &[
    ("date", "the first day of the period"),
    ("metric", "the metric's name; the README beside the files says what each means"),
    ("kind", "count, rate (1 is 100 %), money or number"),
    ("value", "the metric's value; missing where there is nothing to divide by"),
    ("numerator", "what is divided"),
    ("denominator", "by what it is divided"),
];

const SURVEY: &[(&str, &str)] = &[
    ("kind", "what is asked: nps, csat, ces or returned"),
    ("question", "the question as the export names it"),
    ("score", "the answer on the scale; missing where it was left blank"),
    ("scale", "the scale, such as 0-10"),
    ("comment", "free text that came with the answer"),
    ("weight", "the answer's weight in the sample"),
];

const CANCELLATION: &[(&str, &str)] =
    &[("reason", "the reason as it was stated"), ("comment", "free text that came with the cancellation")];

/// What a column of tenure's own means in a table.
pub(crate) fn meaning(table: StarTable, column: &str) -> &'static str {
    let own = match table {
        StarTable::DimCustomer => CUSTOMER,
        StarTable::DimDate => DATE,
        StarTable::DimSegment => SEGMENT,
        StarTable::FactActivity => ACTIVITY,
        StarTable::FactRetention => RETENTION,
        StarTable::FactMrr => MRR,
        StarTable::FactMetric => METRIC,
        StarTable::FactSurvey => SURVEY,
        StarTable::FactCancellation => CANCELLATION,
    };
    let found = own.iter().chain(EVERYWHERE).find(|(name, _)| *name == column);
    found.map_or("", |(_, meaning)| meaning)
}
