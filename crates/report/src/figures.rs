//! Figures by period as sheets.

use serde::Serialize;
use serde_json::Value;
use tenure_analysis::{
    AtRisk, Cancellations, FigurePeriod, Lifecycle, Revenue, ScopeDefinition, Stickiness, SurveyKind, Surveys, Worked, WorkedUnit,
};
use tenure_model::{Decimal, grouped};

use crate::numbers::percent;
use crate::retention::short_content;
use crate::sheet::Sheet;

/// A definition as a sheet carries it.
pub(crate) fn definition(definition: &impl Serialize) -> Value {
    serde_json::to_value(definition).unwrap_or_default()
}

/// The rules of a scope in words, behind what is counted.
pub(crate) fn in_words(what: &str, scope: &ScopeDefinition) -> String {
    let mut parts = vec![format!("{what}, by {}", scope.period)];
    parts.push(format!("zone {}", scope.zone));
    if let Some(filter) = &scope.filter {
        parts.push(format!("only rows where {filter}"));
    }
    if scope.period.contains("week") && scope.week_start != "monday" {
        parts.push(format!("weeks from {}", scope.week_start));
    }
    if scope.fiscal_start != "january" {
        parts.push(format!("fiscal years from {}", scope.fiscal_start));
    }
    if let Some(origin) = &scope.period_origin {
        parts.push(format!("blocks counted from {origin}"));
    }
    if let Some(from) = &scope.from {
        parts.push(format!("shown from {from}"));
    }
    if let Some(until) = &scope.until {
        parts.push(format!("observed until {until}"));
    }
    parts.push(format!("content {}", short_content(&scope.content)));
    parts.join("; ")
}

/// A sheet that begins with period, state and segment.
pub(crate) fn by_period<'a>(
    rows: impl ExactSizeIterator<Item = (&'a FigurePeriod, &'a Option<Option<String>>)> + Clone,
    by: Option<&str>,
    definition: Value,
    sentence: String,
) -> Sheet {
    let state = |period: &FigurePeriod| if period.in_progress { "in_progress" } else { "complete" };
    Sheet::new(rows.len(), definition, sentence)
        .in_progress(rows.clone().map(|(period, _)| period.in_progress))
        .dates("period", rows.clone().map(|(period, _)| Some(period.start)))
        .texts("state", rows.clone().map(|(period, _)| Some(state(period))))
        .detail()
        .segments(by, rows.map(|(_, segment)| segment.clone()))
}

/// Figures worked out by hand as a sheet.
pub fn worked_sheet(worked: &[Worked]) -> Sheet {
    let bounds = |of: fn(&tenure_analysis::Interval) -> f64| worked.iter().map(move |figure| figure.interval.as_ref().map(of));
    Sheet::new(worked.len(), serde_json::json!({ "source": "typed numbers" }), "worked out from the numbers as they were typed")
        .title("Worked out")
        .texts("metric", worked.iter().map(|figure| Some(figure.metric)))
        .decimals("value", worked.iter().map(|figure| Some(figure.value.normalized())))
        .detail()
        .texts("result", worked.iter().map(|figure| Some(shown(figure.value, figure.unit))))
        .numbers("low", bounds(|interval| interval.low))
        .detail()
        .numbers("high", bounds(|interval| interval.high))
        .detail()
        .texts("formula", worked.iter().map(|figure| Some(figure.formula)))
        .texts("worked", worked.iter().map(|figure| Some(figure.worked.clone())))
}

/// A worked value as people see it.
fn shown(value: Decimal, unit: WorkedUnit) -> String {
    match unit {
        WorkedUnit::Share => {
            let percent = value.times(Decimal::new(100, 0)).unwrap_or(value).rounded(2).normalized();
            format!("{percent} %")
        }
        WorkedUnit::Amount | WorkedUnit::Points | WorkedUnit::Ratio => value.rounded(2).normalized().to_string(),
    }
}

/// A lifecycle as a sheet.
pub fn lifecycle_sheet(lifecycle: &Lifecycle) -> Sheet {
    let rows = &lifecycle.rows;
    let scope = &lifecycle.definition;
    let sentence = in_words(
        "customers by activity: new in their first active period, returning from the one before, resurrected from an earlier one, dormant if active only in the one before",
        scope,
    );
    let places = rows.iter().map(|row| (&row.period, &row.segment));
    by_period(places, scope.by.as_deref(), definition(scope), sentence)
        .title("Lifecycle")
        .integers("active", rows.iter().map(|row| Some(row.counts.active())))
        .integers("new", rows.iter().map(|row| Some(row.counts.new)))
        .integers("returning", rows.iter().map(|row| Some(row.counts.returning)))
        .integers("resurrected", rows.iter().map(|row| Some(row.counts.resurrected)))
        .integers("dormant", rows.iter().map(|row| Some(row.counts.dormant)))
}

/// A histogram of stickiness as a sheet.
pub fn stickiness_sheet(stickiness: &Stickiness) -> Sheet {
    let rows = &stickiness.rows;
    let scope = &stickiness.definition.scope;
    let of = &stickiness.definition.of;
    let sentence = in_words(&format!("customers by the number of active periods of a {of} within each period"), scope);
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let places = rows.iter().map(|row| (&row.period, &row.segment));
    by_period(places, scope.by.as_deref(), definition(&stickiness.definition), sentence)
        .title("Stickiness")
        .integers("active_parts", rows.iter().map(|row| Some(row.active_parts)))
        .integers("customers", rows.iter().map(|row| Some(row.customers)))
        .shares("share", rows.iter().map(|row| share(row.customers, row.active)))
        .integers("at_least", rows.iter().map(|row| Some(row.at_least)))
        .shares("at_least_share", rows.iter().map(|row| share(row.at_least, row.active)))
        .integers("active", rows.iter().map(|row| Some(row.active)))
        .detail()
}

/// Movements of recurring revenue as a sheet.
pub fn revenue_sheet(revenue: &Revenue) -> Sheet {
    let rows = &revenue.rows;
    let scope = &revenue.definition.scope;
    let converted = revenue.definition.rates.as_ref().map(|rates| format!(", converted with {rates}")).unwrap_or_default();
    let sentence = in_words(
        &format!(
            "monthly recurring revenue of {}{converted}: opening + new + reactivation + expansion − contraction − churn + fx + transfers = closing; GRR = (opening − contraction − churn) / opening; NRR adds expansion",
            revenue.definition.source
        ),
        scope,
    );
    let places = rows.iter().map(|row| (&row.period, &row.segment));
    let has = |part: fn(&tenure_analysis::MrrMovement) -> tenure_model::Decimal| rows.iter().any(|row| !part(&row.mrr).is_zero());
    let (fx, transfers) = (has(|mrr| mrr.fx), has(|mrr| mrr.transfer_in));
    let mut sheet = by_period(places, scope.by.as_deref(), definition(&revenue.definition), sentence)
        .title("Recurring revenue")
        .texts("currency", rows.iter().map(|row| row.currency.clone()))
        .decimals("opening", rows.iter().map(|row| Some(row.mrr.opening)))
        .decimals("new", rows.iter().map(|row| Some(row.mrr.new)))
        .decimals("reactivation", rows.iter().map(|row| Some(row.mrr.reactivation)))
        .decimals("expansion", rows.iter().map(|row| Some(row.mrr.expansion)))
        .decimals("contraction", rows.iter().map(|row| Some(row.mrr.contraction)))
        .decimals("churn", rows.iter().map(|row| Some(row.mrr.churn)))
        .decimals("fx", rows.iter().map(|row| Some(row.mrr.fx)));
    // People are spared columns of zeros.
    if !fx {
        sheet = sheet.detail();
    }
    sheet = sheet.decimals("transfer_in", rows.iter().map(|row| Some(row.mrr.transfer_in)));
    if !transfers {
        sheet = sheet.detail();
    }
    sheet = sheet.decimals("transfer_out", rows.iter().map(|row| Some(row.mrr.transfer_out)));
    if !transfers {
        sheet = sheet.detail();
    }
    sheet
        .decimals("closing", rows.iter().map(|row| Some(row.mrr.closing)))
        .shares("gross_revenue_retention", rows.iter().map(|row| row.mrr.gross_retention().value()))
        .label("GRR")
        .shares("net_revenue_retention", rows.iter().map(|row| row.mrr.net_retention().value()))
        .label("NRR")
        .shares("mrr_churn_rate", rows.iter().map(|row| row.mrr.churn_rate().value()))
        .label("MRR churn")
        .numbers("quick_ratio", rows.iter().map(|row| row.mrr.quick_ratio().value()))
        .integers("customers_opening", rows.iter().map(|row| Some(row.customers.opening)))
        .detail()
        .integers("customers_new", rows.iter().map(|row| Some(row.customers.new)))
        .detail()
        .integers("customers_reactivated", rows.iter().map(|row| Some(row.customers.reactivated)))
        .detail()
        .integers("customers_expanded", rows.iter().map(|row| Some(row.customers.expanded)))
        .detail()
        .integers("customers_contracted", rows.iter().map(|row| Some(row.customers.contracted)))
        .detail()
        .integers("customers_churned", rows.iter().map(|row| Some(row.customers.churned)))
        .detail()
        .integers("customers_closing", rows.iter().map(|row| Some(row.customers.closing)))
        .label("customers")
        .notes(revenue.notes.iter().cloned())
}

/// Survey scores as a sheet.
pub fn surveys_sheet(surveys: &Surveys) -> Sheet {
    let rows = &surveys.rows;
    let (scope, rules) = (&surveys.definition.scope, &surveys.definition);
    let told: Vec<String> = SurveyKind::ALL
        .into_iter()
        .filter(|kind| rows.iter().any(|row| row.kind == *kind))
        .map(|kind| {
            let rule = match kind {
                SurveyKind::Nps => rules.nps,
                SurveyKind::Csat => rules.csat,
                SurveyKind::Ces => rules.ces,
                SurveyKind::Returned => rules.returned,
            };
            format!("{kind}: {rule}")
        })
        .collect();
    let shown = |kind: SurveyKind, score: f64| match kind {
        SurveyKind::Nps => format!("{score:.1}"),
        SurveyKind::Csat | SurveyKind::Returned => format!("{} %", percent(score, 1)),
        SurveyKind::Ces => format!("{score:.2}"),
    };
    let bound = |of: fn(&tenure_analysis::Interval) -> f64| rows.iter().map(move |row| row.interval.as_ref().map(of));
    let interval = rows.iter().map(|row| {
        row.interval.map(|interval| format!("{} to {}", shown(row.kind, interval.low), shown(row.kind, interval.high)))
    });
    let places = rows.iter().map(|row| (&row.period, &row.segment));
    by_period(places, scope.by.as_deref(), definition(rules), in_words(&told.join("; "), scope))
        .title("Surveys")
        .texts("kind", rows.iter().map(|row| Some(row.kind.name())))
        .texts("question", rows.iter().map(|row| row.question.clone()))
        .texts("scale", rows.iter().map(|row| row.scale.map(|scale| scale.to_string())))
        .integers("answers", rows.iter().map(|row| Some(row.answers)))
        .integers("blank", rows.iter().map(|row| Some(row.blank)))
        .detail()
        .integers("positive", rows.iter().map(|row| row.positive))
        .integers("negative", rows.iter().map(|row| row.negative))
        .numbers("score", rows.iter().map(|row| row.score))
        .detail()
        .numbers("low", bound(|interval| interval.low))
        .detail()
        .numbers("high", bound(|interval| interval.high))
        .detail()
        .texts("result", rows.iter().map(|row| row.score.map(|score| shown(row.kind, score))))
        .texts("interval", interval)
        .numbers("mean", rows.iter().map(|row| row.mean))
        .shares("weighted", rows.iter().map(|row| row.weighted))
        .notes(surveys.notes.iter().cloned())
}

/// Cancellations by reason as a sheet: a row for each currency of what was lost.
pub fn cancellations_sheet(cancellations: &Cancellations) -> Sheet {
    let rows: Vec<_> = cancellations
        .rows
        .iter()
        .flat_map(|row| {
            let lost: Vec<_> = row.mrr_lost.iter().map(|(currency, mrr)| (row, currency.clone(), Some(*mrr))).collect();
            if lost.is_empty() { vec![(row, None, None)] } else { lost }
        })
        .collect();
    let rules = &cancellations.definition;
    let sentence = format!(
        "cancellations by reason as it was stated, and by free text as it stands; MRR lost: {}; tenure {}; content {}",
        rules.mrr_lost,
        rules.tenure,
        short_content(&rules.content)
    );
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    Sheet::new(rows.len(), definition(rules), sentence)
        .title("Cancellations")
        .texts("told", rows.iter().map(|(row, ..)| Some(row.told.name())))
        .label("")
        .segments(rules.by.as_deref(), rows.iter().map(|(row, ..)| row.segment.clone()))
        .texts("text", rows.iter().map(|(row, ..)| row.text.clone()))
        .integers("count", rows.iter().map(|(row, ..)| Some(row.count)))
        .shares("share", rows.iter().map(|(row, ..)| share(row.count, row.of)))
        .texts("currency", rows.iter().map(|(_, currency, _)| currency.clone()))
        .decimals("mrr_lost", rows.iter().map(|(.., mrr)| *mrr))
        .numbers("mean_tenure_days", rows.iter().map(|(row, ..)| row.mean_tenure_days))
        .notes(cancellations.notes.iter().cloned())
}

/// Customers at risk as a sheet: an audience file for a mail or CRM tool.
pub fn at_risk_sheet(found: &AtRisk) -> Sheet {
    let rows = &found.rows;
    let rules = &found.definition;
    let sentence = format!(
        "at risk are {} of {} customers: {}; value: {}; zone {}; observed until {}; content {}",
        grouped(rules.at_risk),
        grouped(rules.customers),
        rules.risk,
        rules.value,
        rules.scope.zone,
        rules.scope.until.as_deref().unwrap_or("nothing"),
        short_content(&rules.scope.content)
    );
    Sheet::new(rows.len(), definition(rules), sentence)
        .title("Customers at risk")
        .texts("customer", rows.iter().map(|row| Some(row.customer.clone())))
        .texts("email", rows.iter().map(|row| row.email.clone()))
        .texts("reason", rows.iter().map(|row| Some(row.reason.clone())))
        .decimals("value", rows.iter().map(|row| row.value))
        .texts("currency", rows.iter().map(|row| row.currency.clone()))
        .decimals("value_total", rows.iter().map(|row| row.value_total))
        .decimals("mrr", rows.iter().map(|row| row.mrr))
        .texts("last_activity", rows.iter().map(|row| Some(row.last_activity.to_string())))
        // The reason tells both.
        .integers("silent_days", rows.iter().map(|row| u64::try_from(row.silent_days).ok()))
        .detail()
        .integers("threshold_days", rows.iter().map(|row| Some(u64::from(row.threshold_days))))
        .detail()
        .notes(found.notes.iter().cloned())
}
