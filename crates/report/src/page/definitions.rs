//! What everything on the page means, with its formula.

use std::collections::BTreeSet;

use tenure_analysis::{METRICS, SurveyKind};

use super::{CohortTables, ReportPage};
use crate::figures::in_words;
use crate::retention::retention_sentence;

/// A word of the page.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) word: String,
    pub(crate) meaning: String,
    pub(crate) formula: String,
}

fn term(word: &str, meaning: impl Into<String>, formula: &str) -> Term {
    Term { word: word.to_owned(), meaning: meaning.into(), formula: formula.to_owned() }
}

/// The words of what is shown.
pub(crate) fn terms(page: &ReportPage) -> Vec<Term> {
    let mut terms = Vec::new();
    for (tables, word) in [(&page.activity, "retention"), (&page.subscribers, "retention of subscribers")] {
        if let Some(tables) = tables {
            retention(tables, word, &mut terms);
        }
    }
    if let Some(metrics) = &page.metrics {
        let shown: BTreeSet<&str> =
            metrics.rows.iter().filter(|row| row.segment.is_none() && row.value.is_some()).map(|row| row.metric.name).collect();
        for metric in METRICS.iter().filter(|metric| shown.contains(metric.name)) {
            terms.push(term(&super::labels::metric(metric.name), metric.definition, metric.formula));
        }
        if let Some(customer) = &metrics.definition.customer {
            terms.push(term("customer at an instant", customer.clone(), ""));
        }
    }
    if page.revenue.is_some() {
        terms.push(term(
            "movements of MRR",
            "amount × quantity of paid subscriptions, brought to a month; new had never paid before, reactivation had; a period's closing is the next one's opening",
            "opening + new + reactivation + expansion − contraction − churn ± exchange rates + transfers in − transfers out = closing",
        ));
    }
    if page.lifecycle.as_ref().is_some_and(|lifecycle| !lifecycle.rows.is_empty()) {
        terms.push(term(
            "lifecycle",
            "new: in their first active period; returning: active also in the one before; resurrected: active, not in the one before, but earlier; dormant: active in the one before, and not in this one",
            "active = new + returning + resurrected",
        ));
    }
    if let Some(surveys) = &page.surveys {
        let rules = &surveys.definition;
        for kind in SurveyKind::ALL.into_iter().filter(|kind| surveys.rows.iter().any(|row| row.kind == *kind)) {
            let (word, rule) = match kind {
                SurveyKind::Nps => ("NPS", rules.nps),
                SurveyKind::Csat => ("CSAT", rules.csat),
                SurveyKind::Ces => ("CES", rules.ces),
                SurveyKind::Returned => ("say they came back", rules.returned),
            };
            terms.push(term(word, rule, ""));
        }
    }
    if let Some(cancellations) = page.cancellations.as_ref().filter(|found| !found.rows.is_empty()) {
        let rules = &cancellations.definition;
        terms.push(term("MRR lost", rules.mrr_lost, ""));
        terms.push(term("tenure at leaving", rules.tenure, ""));
    }
    terms.push(term(
        "interval",
        "bounds of a share under chance alone, for as many customers as there are: Wilson's score interval; of NPS and means by their variance",
        "(p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)",
    ));
    terms
}

fn retention(tables: &CohortTables, word: &str, terms: &mut Vec<Term>) {
    terms.push(term(word, retention_sentence(&tables.whole), "retained / size of the cohort, of complete cells"));
    if terms.len() > 1 {
        return;
    }
    terms.push(term("cohort", "everybody whose life starts in one period; its size is the number of its members", ""));
    terms.push(term(
        "age",
        format!("{}s since the first; 0 is the {} of the start", tables.whole.definition.age, tables.whole.definition.age),
        "",
    ));
    terms.push(term("exposed", "members who have lived the whole of an age before the end of what is observed", ""));
    terms.push(term(
        "in progress (hatched)",
        "an age that has begun for some member and that not every member has lived: what there is so far",
        "retained of the exposed / exposed; where nobody is exposed yet, retained so far / size",
    ));
    terms.push(term(
        "all cohorts, pooled",
        "cohorts drawn together; those where nobody has lived an age are left out of it, so that the curve may rise",
        "Σ retained of the exposed / Σ exposed",
    ));
    if tables.value.is_some() {
        terms.push(term("revenue per customer", "value of an age per member of the cohort, active or not", "value / size"));
        terms.push(term("revenue so far per customer", "observed lifetime value", "Σ value of ages 0 … k / size"));
        terms.push(term(
            "revenue kept",
            "value of an age as a share of that of age 0, of complete cells; of all cohorts together those that have lived the age whole; with calendar ages most members live only a part of age 0",
            "value of the age / value of age 0",
        ));
    }
}

/// The rules that figures by period follow.
pub(crate) fn scope(page: &ReportPage) -> Option<String> {
    let scopes = [
        page.metrics.as_ref().map(|found| &found.definition.scope),
        page.lifecycle.as_ref().map(|found| &found.definition),
        page.revenue.as_ref().map(|found| &found.definition.scope),
        page.surveys.as_ref().map(|found| &found.definition.scope),
    ];
    scopes.into_iter().flatten().next().map(|scope| in_words("Figures by period", scope))
}
