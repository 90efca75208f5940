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
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_a_naive_loop((log, questions) in logs_and_questions(8)) {
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

#[test]
fn tmp_naive_alone() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let start = std::time::Instant::now();
    let (mut load, mut members, mut cells, mut n, mut begun, mut inprog, mut retained, mut slow) = (0u128, 0, 0, 0, 0, 0, 0, vec![]);
    for _ in 0..300 {
        let (log, questions) = logs_and_questions(8).new_tree(&mut runner).unwrap().current();
        let t = std::time::Instant::now();
        let _opened = log.open();
        load += t.elapsed().as_micros();
        for q in &questions {
            let t = std::time::Instant::now();
            let naive = crate::naive::Naive::new(&log, q);
            let census = naive.census();
            let a = naive.answer(&census);
            n += 1;
            members += census.members.len();
            for (_, (_, cs)) in &a.rows { for c in cs { cells += 1; begun += (c.state == tenure_model::CellState::Complete) as u64; inprog += (c.state == tenure_model::CellState::InProgress) as u64; retained += (c.retained > 0) as u64; } }
            let us = t.elapsed().as_micros();
            if us > 30000 { slow.push((us, q.flags(&log))); }
        }
    }
    slow.sort(); slow.reverse(); slow.truncate(5);
    println!("{:?} load {load} us; questions {n} members {members} cells {cells} complete {begun} in progress {inprog} retained {retained} slow {slow:#?}", start.elapsed());
}
