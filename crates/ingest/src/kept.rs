//! Which rows of a batch are kept.

use crate::mapper::Fault;

/// The rows of a batch that are kept, in their order.
#[derive(Debug)]
pub(crate) enum Kept {
    /// All of so many.
    All(usize),
    /// Those at these places.
    Some(Vec<u32>),
}

impl Kept {
    pub(crate) fn len(&self) -> usize {
        match self {
            Kept::All(rows) => *rows,
            Kept::Some(places) => places.len(),
        }
    }

    /// Their places; nothing where they are all rows.
    pub(crate) fn places(&self) -> Option<&[u32]> {
        match self {
            Kept::All(_) => None,
            Kept::Some(places) => Some(places),
        }
    }

    /// Shows the place of each.
    #[inline]
    pub(crate) fn each(&self, mut each: impl FnMut(usize)) {
        match self {
            Kept::All(rows) => (0..*rows).for_each(each),
            Kept::Some(places) => places.iter().for_each(|&place| each(place as usize)),
        }
    }

    /// Whether something is so of each.
    #[inline]
    pub(crate) fn all(&self, mut is: impl FnMut(usize) -> bool) -> bool {
        match self {
            Kept::All(rows) => (0..*rows).all(is),
            Kept::Some(places) => places.iter().all(|&place| is(place as usize)),
        }
    }

    /// Something of each.
    #[inline]
    pub(crate) fn map<T>(&self, mut read: impl FnMut(usize) -> T) -> Vec<T> {
        match self {
            Kept::All(rows) => (0..*rows).map(read).collect(),
            Kept::Some(places) => places.iter().map(|&place| read(place as usize)).collect(),
        }
    }

    /// The values of the rows in a column.
    pub(crate) fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        match self {
            Kept::All(rows) => values[..*rows].to_vec(),
            Kept::Some(places) => places.iter().map(|&place| values[place as usize]).collect(),
        }
    }

    /// Reads something of each row. The rows that it can't be read of go. Returns what was read of the others, and where
    /// among the rows those stood that went.
    #[inline]
    pub(crate) fn sift<T>(
        &mut self,
        losses: &mut Vec<(usize, Fault)>,
        mut read: impl FnMut(usize) -> Result<T, Fault>,
    ) -> (Vec<T>, Vec<u32>) {
        let mut values = Vec::with_capacity(self.len());
        let mut lost = Vec::new();
        let mut place = 0;
        self.each(|row| {
            match read(row) {
                Ok(value) => values.push(value),
                Err(fault) => {
                    losses.push((row, fault));
                    lost.push(place);
                }
            }
            place += 1;
        });
        if !lost.is_empty() {
            let mut places = match self {
                Kept::All(rows) => (0..*rows as u32).collect(),
                Kept::Some(places) => std::mem::take(places),
            };
            drop_at(&mut places, &lost);
            *self = Kept::Some(places);
        }
        (values, lost)
    }
}

/// Drops the values at some places, which are in order.
pub(crate) fn drop_at<T>(values: &mut Vec<T>, lost: &[u32]) {
    if lost.is_empty() {
        return;
    }
    let mut lost = lost.iter().copied().peekable();
    let mut place = 0;
    values.retain(|_| {
        let goes = lost.next_if_eq(&place).is_some();
        place += 1;
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Reason;

    #[test]
    fn rows_go_where_something_cannot_be_read() {
        let mut losses = Vec::new();
        let mut kept = Kept::All(6);
        let fault = || Fault { reason: Reason::NoCustomer, column: String::new(), value: String::new() };
        let mut without = |gone: &[usize], kept: &mut Kept| {
            kept.sift(&mut losses, |row| if gone.contains(&row) { Err(fault()) } else { Ok(row * 10) })
        };
        assert_eq!(without(&[], &mut kept), (vec![0, 10, 20, 30, 40, 50], vec![]));
        assert!(kept.places().is_none());
        assert_eq!(without(&[1, 4], &mut kept), (vec![0, 20, 30, 50], vec![1, 4]));
        assert_eq!(without(&[3], &mut kept), (vec![0, 20, 50], vec![2]));
        assert_eq!(kept.places(), Some(&[0, 2, 5][..]));
        assert_eq!(kept.of(&['a', 'b', 'c', 'd', 'e', 'f']), ['a', 'c', 'f']);
        assert_eq!(losses.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 4, 3]);
    }
}
