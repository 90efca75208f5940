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

#[derive(Clone, Copy)]
enum Joint {
    All,
    Any,
}

impl Tree {
    /// Takes a condition apart.
    pub fn of(condition: &Parsed) -> Self {
        let joint = match condition.expression() {
            Expr::BinaryExpr { left, op: Operator::And | Operator::LogicalAnd, right } => Some((Joint::All, left, right)),
            Expr::BinaryExpr { left, op: Operator::Or | Operator::LogicalOr, right } => Some((Joint::Any, left, right)),
            _ => None,
        };
        let Some((joint, left, right)) = joint else { return Tree::Part(condition.clone()) };
        let mut trees = Vec::new();
        for side in [left, right] {
            let tree = Tree::of(&condition.part(side));
            match (tree, joint) {
                // Equal joints are one.
                (Tree::All(parts), Joint::All) | (Tree::Any(parts), Joint::Any) => trees.extend(parts),
                (other, _) => trees.push(other),
            }
        }
        match joint {
            Joint::All => Tree::All(trees),
            Joint::Any => Tree::Any(trees),
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
