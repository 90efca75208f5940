//! Which rows of a customer are kept: those that nothing else stands for.

use crate::chunk::Key;
use crate::cluster::{Compare, Load};
use crate::staged::Staged;

/// What becomes of the rows of a bucket.
pub(crate) struct Verdict {
    pub(crate) duplicates: Vec<u64>,
    pub(crate) kept: Vec<u64>,
    pub(crate) replaced: Vec<u64>,
}

impl Verdict {
    /// Chooses the new rows of a customer that are kept.
    pub(crate) fn choose(
        &mut self,
        load: &Load<'_>,
        staged: &Staged,
        run: &[u32],
        hash: impl Fn(u32) -> u128,
        kept: &mut Vec<u32>,
    ) {
        let from = kept.len();
        let keyed: Vec<u32> = run.iter().copied().filter(|&row| staged.key(row) != Key::NONE).collect();
        if keyed.is_empty() {
            self.choose_unkeyed(load, staged, run.iter().copied(), kept);
        } else {
            self.choose_unkeyed(load, staged, run.iter().copied().filter(|&row| staged.key(row) == Key::NONE), kept);
            self.choose_keyed(load, staged, keyed, hash, kept);
            kept[from..].sort_unstable_by(|&a, &b| staged.compare_all(a, b));
        }
        for &row in &kept[from..] {
            self.kept[staged.rank(row) as usize - 1] += 1;
        }
    }

    /// Keeps, of rows that are equal in every stored column, the maximum over the exports and not the sum.
    fn choose_unkeyed(&mut self, load: &Load<'_>, staged: &Staged, rows: impl Iterator<Item = u32>, kept: &mut Vec<u32>) {
        if load.compare == Compare::Nothing {
            kept.extend(rows);
            return;
        }
        let mut rows = rows.peekable();
        let mut group: Vec<u32> = Vec::new();
        while let Some(first) = rows.next() {
            group.clear();
            group.push(first);
            while let Some(row) = rows.next_if(|&row| staged.compare(first, row).is_eq()) {
                group.push(row);
            }
            group.sort_by_key(|&row| staged.rank(row));
            // An export adds only what it has beyond the largest count before it.
            let (mut most, mut at) = (0, 0);
            while at < group.len() {
                let rank = staged.rank(group[at]);
                let count = group[at..].iter().take_while(|&&row| staged.rank(row) == rank).count();
                if rank > 0 {
                    let new = count.saturating_sub(most);
                    kept.extend_from_slice(&group[at..at + new]);
                    self.duplicates[rank as usize - 1] += (count - new) as u64;
                }
                most = most.max(count);
                at += count;
            }
        }
    }

    /// Keeps the latest row of each key. One that equals what the history has is no news.
    fn choose_keyed(
        &mut self,
        load: &Load<'_>,
        staged: &Staged,
        mut rows: Vec<u32>,
        hash: impl Fn(u32) -> u128,
        kept: &mut Vec<u32>,
    ) {
        rows.sort_unstable_by_key(|&row| (staged.key(row), staged.rank(row), staged.number(row), row));
        for group in rows.chunk_by(|&a, &b| staged.key(a) == staged.key(b)) {
            let Some(&last) = group.last() else { continue };
            let existing = group.iter().copied().filter(|&row| staged.rank(row) == 0);
            let elsewhere =
                load.moved_keys.get(&staged.key(last)).is_some_and(|&owner| owner != hash(staged.owners[last as usize]));
            let same = existing.clone().find(|&row| !elsewhere && staged.compare(row, last).is_eq());
            let winner = if elsewhere { None } else { Some(same.unwrap_or(last)) };
            self.replaced.extend(existing.filter(|&row| Some(row) != winner).map(|row| staged.number(row)));
            for &row in group.iter().filter(|&&row| staged.rank(row) > 0) {
                if Some(row) == winner {
                    kept.push(row);
                } else {
                    self.duplicates[staged.rank(row) as usize - 1] += 1;
                }
            }
        }
    }
}
