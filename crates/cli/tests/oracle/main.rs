//! The engine against a naive loop over random logs, over the whole space of queries; and laws that hold whatever the log.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod calendar;
mod cells;
mod compare;
mod draw;
mod laws;
mod log;
mod naive;
mod question;
mod selector;
mod worked;

use proptest::prelude::*;
use tenure_analysis::retention;

use crate::compare::compare;
use crate::draw::logs_and_questions;
use crate::laws::inequalities;

proptest! {
    #![proptest_config(ProptestConfig { cases: 110, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_a_naive_loop((log, questions) in logs_and_questions(24)) {
        let opened = log.open();
        for question in &questions {
            let agreed = retention(&opened.history, &question.query(&log))
                .map_err(|error| error.to_string())
                .and_then(|matrix| inequalities(&matrix).and_then(|()| compare(&matrix, &log, question)));
            if let Err(difference) = agreed {
                let rows: Vec<String> = log.rows.iter().map(|row| format!("{row:?}")).collect();
                let said = format!("{}\n{}\n{:?}\n{difference}", question.flags(&log), rows.join("\n"), log.customers);
                return Err(TestCaseError::fail(said));
            }
        }
    }
}
