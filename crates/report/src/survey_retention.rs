//! Answers joined to retention as a sheet.

use tenure_analysis::{SurveyRetention, SurveyRetentionRow};

use crate::figures::{definition, in_words};
use crate::sheet::Sheet;

/// Answers joined to retention as a sheet: a row for each group of answers.
pub fn survey_retention_sheet(found: &SurveyRetention) -> Sheet {
    let (rows, rules) = (&found.rows, &found.definition);
    let sentence = in_words(
        &format!(
            "share of those who answered alike who were {}; rows without a period are of all, each customer once; differences in percentage points (pp); {}; p: {}; adjusted: {}; {}",
            rules.retained, rules.interval, rules.test, rules.adjustment, rules.groups
        ),
        &rules.scope,
    );
    let difference = |row: &SurveyRetentionRow| {
        row.difference.map(|(points, bounds)| format!("{points:+.1} pp ({:+.1} to {:+.1})", bounds.low, bounds.high))
    };
    Sheet::new(rows.len(), definition(rules), sentence)
        .title("Answers and retention")
        .texts("kind", rows.iter().map(|row| Some(row.kind.name())))
        .texts("question", rows.iter().map(|row| row.question.clone()))
        .texts("scale", rows.iter().map(|row| row.scale.map(|scale| scale.to_string())))
        .segments(rules.scope.by.as_deref(), rows.iter().map(|row| row.segment.clone()))
        .dates("period", rows.iter().map(|row| row.period.map(|period| period.start)))
        .texts("group", rows.iter().map(|row| Some(row.group.name())))
        .integers("customers", rows.iter().map(|row| Some(row.again.whole)))
        .integers("retained", rows.iter().map(|row| Some(row.again.part)))
        .shares("rate", rows.iter().map(|row| row.again.share()))
        .numbers("low", rows.iter().map(|row| row.interval.map(|interval| interval.low)))
        .detail()
        .numbers("high", rows.iter().map(|row| row.interval.map(|interval| interval.high)))
        .detail()
        .texts("against", rows.iter().map(|row| row.against.map(|group| group.name())))
        .numbers("difference_points", rows.iter().map(|row| row.difference.map(|(points, _)| points)))
        .detail()
        .numbers("difference_low", rows.iter().map(|row| row.difference.map(|(_, bounds)| bounds.low)))
        .detail()
        .numbers("difference_high", rows.iter().map(|row| row.difference.map(|(_, bounds)| bounds.high)))
        .detail()
        .texts("difference", rows.iter().map(difference))
        .texts("test", rows.iter().map(|row| row.test.map(|test| test.name.name())))
        .numbers("statistic", rows.iter().map(|row| row.test.and_then(|test| test.statistic)))
        .detail()
        .numbers("p_value", rows.iter().map(|row| row.test.map(|test| test.p)))
        .detail()
        .numbers("p_adjusted", rows.iter().map(|row| row.p_adjusted))
        .detail()
        .texts("p", rows.iter().map(|row| row.p_adjusted.map(crate::comparison::p_text)))
        .label("adjusted p")
        .notes(found.notes.iter().cloned())
}
