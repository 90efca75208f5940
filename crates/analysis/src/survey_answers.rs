//! Survey answers as they are read: what was asked, on which scale, and what was answered.

use std::collections::{BTreeSet, HashMap};

use tenure_history::Part;
use tenure_model::{Decimal, column};

use crate::error::Error;
use crate::surveys::{Scale, SurveyKind, SurveyQuery};
use crate::table_segments::{TableSegments, texts};

/// The columns that answers are made from.
pub(crate) const ANSWER_COLUMNS: [&str; 6] =
    [column::TIME, column::KIND, column::QUESTION, column::SCORE, column::SCALE, column::WEIGHT];

/// An answer that is on its scale, or blank.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) customer: i64,
    pub(crate) at: i64,
    pub(crate) kind: SurveyKind,
    pub(crate) question: Option<String>,
    pub(crate) scale: Option<Scale>,
    pub(crate) score: Option<Decimal>,
    pub(crate) weight: Option<Decimal>,
    /// The value of its segment, where there are segments.
    pub(crate) segment: Option<Option<String>>,
}

/// Reads answers, and counts those that are none.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    off_scale: u64,
    without_scale: u64,
    unknown_kinds: BTreeSet<String>,
    of_customers: HashMap<i64, Option<String>>,
}

impl AnswerReader {
    /// Takes a part of a bucket in, and hands each answer before `until` that the question is about to somebody.
    pub(crate) fn step(
        &mut self,
        query: &SurveyQuery,
        until: i64,
        segments: &TableSegments,
        part: Part<'_>,
        each: &mut dyn FnMut(Answer),
    ) -> Result<(), Error> {
        let rows = match part {
            Part::Customers(customers) => {
                if let TableSegments::Customers(name) = segments {
                    let values = texts(customers, name);
                    self.of_customers = customers.customers().iter().copied().zip(values).collect();
                }
                return Ok(());
            }
            Part::Activity(rows) => rows,
            Part::End => return Ok(()),
        };
        let text = |name: &str| texts(rows, name);
        let (kinds, questions, scales) = (text(column::KIND), text(column::QUESTION), text(column::SCALE));
        let (scores, weights) = (rows.amounts(column::SCORE), rows.amounts(column::WEIGHT));
        let of_rows = if let TableSegments::Rows(name) = segments { Some(text(name)) } else { None };
        let times = rows.times().unwrap_or_default();
        for (row, (&customer, &time)) in rows.customers().iter().zip(times).enumerate() {
            if time >= until {
                continue;
            }
            let name = kinds[row].as_deref().unwrap_or_default();
            let Ok(kind) = name.parse::<SurveyKind>() else {
                self.unknown_kinds.insert(name.to_owned());
                continue;
            };
            if query.kind.is_some_and(|wanted| wanted != kind) {
                continue;
            }
            let scale = match kind {
                SurveyKind::Nps => Some(Scale::NPS),
                SurveyKind::Returned => None,
                SurveyKind::Csat | SurveyKind::Ces => {
                    let own = scales[row].as_deref().map(str::parse::<Scale>).transpose().map_err(Error::query)?;
                    let Some(scale) = own.or(query.scale) else {
                        self.without_scale += 1;
                        continue;
                    };
                    Some(scale)
                }
            };
            let score = scores.and_then(|scores| Some(Decimal::new(scores.get(row)?.into(), scores.scale())));
            let weight = weights.and_then(|weights| Some(Decimal::new(weights.get(row)?.into(), weights.scale())));
            if score.zip(scale).is_some_and(|(score, scale)| !scale.holds(score)) {
                self.off_scale += 1;
                continue;
            }
            let value = match segments {
                TableSegments::None | TableSegments::Cohorts(_) => None,
                TableSegments::Rows(_) => Some(of_rows.as_ref().and_then(|values| values[row].clone())),
                TableSegments::Customers(_) => Some(self.of_customers.get(&customer).cloned().flatten()),
            };
            each(Answer { customer, at: time, kind, question: questions[row].clone(), scale, score, weight, segment: value });
        }
        Ok(())
    }

    /// Adds what another reader has counted.
    pub(crate) fn join(&mut self, other: AnswerReader) {
        self.off_scale += other.off_scale;
        self.without_scale += other.without_scale;
        self.unknown_kinds.extend(other.unknown_kinds);
    }

    /// What a reader must know of answers that count nowhere.
    ///
    /// # Errors
    ///
    /// Where answers need a scale and have none.
    pub(crate) fn notes(&self, query: &SurveyQuery) -> Result<Vec<String>, Error> {
        if self.without_scale > 0 {
            let kind = query.kind.map(|kind| format!("{kind} ")).unwrap_or_default();
            return Err(Error::query(format!(
                "{} {kind}answers have no scale, so what counts as satisfied is not known: add --scale, such as --scale 1-5",
                self.without_scale
            )));
        }
        let mut notes = Vec::new();
        if self.off_scale > 0 {
            notes.push(format!("{} answers are off their scale, and count nowhere", self.off_scale));
        }
        if !self.unknown_kinds.is_empty() {
            let kinds: Vec<&str> = self.unknown_kinds.iter().map(String::as_str).collect();
            notes.push(format!("answers of other kinds are left out: {}", kinds.join(", ")));
        }
        Ok(notes)
    }
}
