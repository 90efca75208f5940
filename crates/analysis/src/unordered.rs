//! The plainest query over activity whose rows lie in no order.

use std::collections::HashMap;

use tenure_history::Unordered;

use crate::assembly::assemble;
use crate::dense::DenseWalk;
use crate::dialect::Rules;
use crate::error::Error;
use crate::matrix::RetentionMatrix;
use crate::plan::Plan;
use crate::query::RetentionQuery;
use crate::retention::Outcome;

/// Computes the retention matrix of activity whose rows lie in no order: what [`retention`](crate::retention) gives of a
/// history with the same rows. Nothing where the query needs them in order, where they are not as they seemed, or where
/// that would find something wrong with the query.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a query that asks for too much.
pub fn retention_of_unordered(activity: &dyn Unordered, query: &RetentionQuery) -> Result<Option<RetentionMatrix>, Error> {
    if !query.is_plain() {
        return Ok(None);
    }
    let Ok(Some(mut plan)) = Plan::new(activity.outline(), query, Rules::of(query)) else { return Ok(None) };
    let (Some(span), Some(tables)) = (activity.outline().span(), &plan.dense) else { return Ok(None) };
    let Some(stretches) = tables.stretches(&plan, span) else { return Ok(None) };
    let Some(lives) = activity.lives(&stretches) else { return Ok(None) };
    let content = lives.content;
    let (counts, ..) = DenseWalk::of_lives(tables, lives).finish(&plan, tables);
    plan.content = content;
    let outcome = Outcome { counts, segments: HashMap::new(), currencies: HashMap::new(), events_seen: None };
    assemble(&plan, &outcome).map(Some)
}
