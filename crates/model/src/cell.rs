use std::fmt;

/// How much of an age the members of a cohort have lived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellState {
    /// Every member has lived the whole of it.
    Complete,
    /// It has begun for some member, and not every member has lived the whole of it.
    InProgress,
    /// It has begun for nobody.
    Unobserved,
}

impl CellState {
    /// The name as results have it.
    pub const fn name(self) -> &'static str {
        match self {
            CellState::Complete => "complete",
            CellState::InProgress => "in_progress",
            CellState::Unobserved => "unobserved",
        }
    }
}

impl fmt::Display for CellState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The members of a cohort at one age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Every member is exposed.
    Complete {
        /// Members of the cohort.
        size: u64,
        /// Members with a qualifying return at this age.
        retained: u64,
    },
    /// The age has begun for some member, and not every member is exposed.
    InProgress {
        /// Members who have lived the whole of the age.
        exposed: u64,
        /// Members with a qualifying return so far, exposed or not.
        retained: u64,
        /// Exposed members with a qualifying return.
        retained_exposed: u64,
    },
    /// The age has begun for nobody.
    Unobserved,
}

impl Cell {
    /// The cell's state.
    pub const fn state(&self) -> CellState {
        match self {
            Cell::Complete { .. } => CellState::Complete,
            Cell::InProgress { .. } => CellState::InProgress,
            Cell::Unobserved => CellState::Unobserved,
        }
    }

    /// Members who have lived the whole of the age; none in an unobserved cell.
    pub const fn exposed(&self) -> Option<u64> {
        match *self {
            Cell::Complete { size, .. } => Some(size),
            Cell::InProgress { exposed, .. } => Some(exposed),
            Cell::Unobserved => None,
        }
    }

    /// Members with a qualifying return, so far where the cell is in progress.
    pub const fn retained(&self) -> Option<u64> {
        match *self {
            Cell::Complete { retained, .. } | Cell::InProgress { retained, .. } => Some(retained),
            Cell::Unobserved => None,
        }
    }

    /// Exposed members with a qualifying return.
    pub const fn retained_exposed(&self) -> Option<u64> {
        match *self {
            Cell::Complete { retained, .. } => Some(retained),
            Cell::InProgress { retained_exposed, .. } => Some(retained_exposed),
            Cell::Unobserved => None,
        }
    }

    /// retained / size; only of complete cells.
    pub fn rate(&self) -> Option<f64> {
        match *self {
            Cell::Complete { size, retained } => Some(share(retained, size)),
            Cell::InProgress { .. } | Cell::Unobserved => None,
        }
    }

    /// retained_exposed / exposed; only of cells in progress with somebody exposed.
    pub fn provisional_rate(&self) -> Option<f64> {
        match *self {
            Cell::InProgress { exposed, retained_exposed, .. } if exposed > 0 => Some(share(retained_exposed, exposed)),
            Cell::Complete { .. } | Cell::InProgress { .. } | Cell::Unobserved => None,
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_cells_have_a_rate() {
        let complete = Cell::Complete { size: 8, retained: 2 };
        assert_eq!((complete.rate(), complete.provisional_rate()), (Some(0.25), None));
        let begun = Cell::InProgress { exposed: 0, retained: 1, retained_exposed: 0 };
        assert_eq!((begun.rate(), begun.provisional_rate()), (None, None));
        let partly = Cell::InProgress { exposed: 4, retained: 3, retained_exposed: 2 };
        assert_eq!((partly.rate(), partly.provisional_rate()), (None, Some(0.5)));
        assert_eq!(Cell::Unobserved.retained(), None);
    }
}
