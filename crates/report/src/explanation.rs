//! Why a dialect's numbers differ from tenure's own, in words.

use serde::Serialize;
use tenure_analysis::{CellNumbers, Dialect, Example, Explanation, Segment};
use tenure_model::Cell;

use crate::error::Error;
use tenure_model::grouped;

use crate::numbers::{counted, percent};
use crate::text::plain;
use crate::wide::NONE;

/// An explanation as text.
pub fn explanation_text(explanation: &Explanation) -> String {
    let dialect = explanation.dialect;
    let (same, all) = explanation.same_cells;
    if explanation.steps.is_empty() {
        return match dialect {
            Dialect::Tenure => "Nothing differs: these are tenure's own rules.\n".to_owned(),
            other => format!("Nothing differs: the flags settle every rule in which {other} has its own.\n"),
        };
    }
    let mut text = format!(
        "Why {dialect}'s numbers differ from tenure's own: {} of {} differ.\nEach rule is added to those before it.\n",
        grouped(all - same),
        counted(all, "cell")
    );
    for (place, step) in explanation.steps.iter().enumerate() {
        text.push_str(&format!(
            "\n{}. {}\n   tenure: {}\n   {dialect}: {}\n   changes {} of {}{}\n",
            place + 1,
            step.rule,
            step.own,
            step.theirs,
            grouped(step.changed),
            counted(step.of, if step.of_summary { "summary point" } else { "cell" }),
            step.example.as_ref().map(example).unwrap_or_default()
        ));
    }
    text
}

fn example(example: &Example) -> String {
    let segment = segment(&example.segment).map(|values| format!(" {values}")).unwrap_or_default();
    let (before, after) = (numbers(example.before), numbers(example.after));
    let change = if before == after { format!("stays {after}") } else { format!("{before} → {after}") };
    format!("\n   {}{segment} age {}: {change}", example.cohort, example.age)
}

fn segment(values: &Segment) -> Option<String> {
    let values: Vec<_> = values.iter().map(|value| plain(value.as_deref().unwrap_or(NONE))).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn numbers(found: Option<CellNumbers>) -> String {
    let Some(CellNumbers { size, cell }) = found else { return "not there".to_owned() };
    let share =
        |part: u64, whole: u64| format!("{} of {} ({} %)", grouped(part), grouped(whole), percent(part as f64 / whole as f64, 1));
    match cell {
        Cell::Complete { size, retained } => share(retained, size),
        Cell::InProgress { exposed, retained_exposed, .. } if exposed > 0 => {
            format!("{} in progress, of {}", share(retained_exposed, exposed), grouped(size))
        }
        Cell::InProgress { retained, .. } => format!("{} so far in progress", share(retained, size)),
        Cell::Unobserved => "unobserved".to_owned(),
    }
}

#[derive(Serialize)]
struct ExplanationObject<'a> {
    dialect: &'static str,
    cells: u64,
    differing: u64,
    rules: Vec<StepObject<'a>>,
}

#[derive(Serialize)]
struct StepObject<'a> {
    rule: &'static str,
    tenure: &'a str,
    dialect: &'a str,
    changed: u64,
    of: u64,
    example: Option<ExampleObject<'a>>,
}

#[derive(Serialize)]
struct ExampleObject<'a> {
    cohort: String,
    segment: &'a [Option<String>],
    age: u32,
    age_to: Option<u32>,
    before: String,
    after: String,
}

/// An explanation as one JSON object.
///
/// # Errors
///
/// Where the encoder fails.
pub fn explanation_json(explanation: &Explanation) -> Result<Vec<u8>, Error> {
    let (same, cells) = explanation.same_cells;
    let rules = explanation.steps.iter().map(|step| StepObject {
        rule: step.rule,
        tenure: &step.own,
        dialect: &step.theirs,
        changed: step.changed,
        of: step.of,
        example: step.example.as_ref().map(|example| ExampleObject {
            cohort: example.cohort.to_string(),
            segment: &example.segment,
            age: example.age.from.0,
            age_to: example.age.to.map(|to| to.0),
            before: numbers(example.before),
            after: numbers(example.after),
        }),
    });
    let object =
        ExplanationObject { dialect: explanation.dialect.name(), cells, differing: cells - same, rules: rules.collect() };
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(|error| Error::encoding("JSON", error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
