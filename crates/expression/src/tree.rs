use polars::prelude::{Expr, Operator};

use crate::parsed::Parsed;

/// A condition taken apart where `and` and `or` join its parts, so that each part can be judged by the columns it
/// reads alone. Truth has three values, as in SQL.
#[derive(Debug, Clone)]
pub enum Tree {
    /// All hold.
    All(Vec<Tree>),
    /// Any holds.
    Any(Vec<Tree>),
    /// A part that is not taken apart.
    Part(Parsed),
}

impl Tree {
    /// Takes a condition apart.
    pub fn of(condition: &Parsed) -> Self {
        match condition.expression() {
            Expr::BinaryExpr { left, op: Operator::And | Operator::LogicalAnd, right } => {
                Tree::All(joined(condition, left, right, |tree| match tree {
                    Tree::All(parts) => Ok(parts),
                    other => Err(other),
                }))
            }
            Expr::BinaryExpr { left, op: Operator::Or | Operator::LogicalOr, right } => {
                Tree::Any(joined(condition, left, right, |tree| match tree {
                    Tree::Any(parts) => Ok(parts),
                    other => Err(other),
                }))
            }
            _ => Tree::Part(condition.clone()),
        }
    }

    /// The parts, from left to right.
    pub fn parts(&self) -> Vec<&Parsed> {
        match self {
            Tree::All(trees) | Tree::Any(trees) => trees.iter().flat_map(Tree::parts).collect(),
            Tree::Part(part) => vec![part],
        }
    }

    /// The parts of a top-level `and` (or the condition itself) that say `column = 'text'` or `column in ('text', …)`.
    pub fn pinned<'a>(&'a self, column: &str) -> Vec<&'a Parsed> {
        let parts: Vec<&Parsed> = match self {
            Tree::All(trees) => {
                trees.iter().filter_map(|tree| if let Tree::Part(part) = tree { Some(part) } else { None }).collect()
            }
            Tree::Part(part) => vec![part],
            Tree::Any(_) => Vec::new(),
        };
        parts.into_iter().filter(|part| part.equals_texts(column).is_some()).collect()
    }
}

/// The trees of both sides, the parts of equal joints drawn together.
fn joined(condition: &Parsed, left: &Expr, right: &Expr, inner: impl Fn(Tree) -> Result<Vec<Tree>, Tree>) -> Vec<Tree> {
    let mut trees = Vec::new();
    for side in [left, right] {
        match inner(Tree::of(&condition.part(side))) {
            Ok(parts) => trees.extend(parts),
            Err(tree) => trees.push(tree),
        }
    }
    trees
}
