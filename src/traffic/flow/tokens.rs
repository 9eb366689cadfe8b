//! The budget of retries of a demand, as a fluid: what flows in while retries are due can be taken
//! by them, what flows into a full bucket is lost.
//!
//! A step is too long to be one drop: where retries begin in its middle, all that would flow in
//! before them has flown over. So a step has a number of cells, and retries that become known one
//! after the other get together what they would get at once.

use crate::traffic::plan::RetryBudget;

/// Parts of a step, each of which is one drop.
const CELLS: usize = 16;

/// A token bucket.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    budget: RetryBudget,
    /// What is held where the step begins.
    held: f64,
    from_s: f64,
    length_s: f64,
    /// In each cell.
    inflow: f64,
    /// Retries of this step that may be sent, by the cell in which they are due.
    taken: [f64; CELLS],
    n_taken: u64,
}

/// Retries that are due, evenly over a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) n: u64,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
}

impl Tokens {
    pub(super) fn new(budget: RetryBudget, start_s: f64) -> Self {
        let mut tokens = Self {
            budget,
            held: 0.0,
            from_s: start_s,
            length_s: 0.0,
            inflow: 0.0,
            taken: [0.0; CELLS],
            n_taken: 0,
        };
        tokens.held = tokens.capacity();
        tokens
    }

    fn capacity(&self) -> f64 {
        (self.budget.min_per_s * self.budget.ttl.as_secs_f64()).max(10.0)
    }

    /// A step begins in which `n_first` users send for the first time.
    pub(super) fn open(&mut self, n_first: u64, (from_s, to_s): (f64, f64)) {
        self.held = self.course(&self.taken).1;
        (self.taken, self.n_taken) = ([0.0; CELLS], 0);
        (self.from_s, self.length_s) = (from_s, to_s - from_s);
        let inflow =
            n_first as f64 * self.budget.ratio.get() + self.length_s * self.budget.min_per_s;
        self.inflow = inflow / CELLS as f64;
    }

    /// How many of the retries that are due in this step may be sent, beside those that were told
    /// of before.
    pub(super) fn take(&mut self, wanted: impl Iterator<Item = Wanted>) -> u64 {
        let (mut n_wanted, mut profile) = (0, [0.0; CELLS]);
        for wanted in wanted {
            n_wanted += wanted.n;
            self.spread(&wanted, &mut profile);
        }
        if n_wanted == 0 {
            return 0;
        }
        let mut all = self.taken;
        all.iter_mut().zip(&profile).for_each(|(sum, more)| *sum += more);
        let (taken, _) = self.course(&all);
        let n = ((taken + ROUNDING).floor() as u64).saturating_sub(self.n_taken).min(n_wanted);
        let share = n as f64 / n_wanted as f64;
        self.taken.iter_mut().zip(&profile).for_each(|(sum, more)| *sum += more * share);
        self.n_taken += n;
        n
    }

    /// Adds retries to the cells in which they are due; what is due before or after the step, to
    /// its first or last.
    fn spread(&self, wanted: &Wanted, profile: &mut [f64; CELLS]) {
        let cell_of = |time_s: f64| {
            ((time_s - self.from_s) / self.length_s * CELLS as f64).clamp(0.0, CELLS as f64)
        };
        let (from, to) = (cell_of(wanted.from_s), cell_of(wanted.to_s));
        let (first, last) = ((from as usize).min(CELLS - 1), (to as usize).min(CELLS - 1));
        let n = wanted.n as f64;
        if first == last {
            profile[first] += n;
            return;
        }
        for (cell, sum) in profile.iter_mut().enumerate().take(last + 1).skip(first) {
            let within = to.min(cell as f64 + 1.0) - from.max(cell as f64);
            *sum += n * within / (to - from);
        }
    }

    /// How many tokens are taken in this step if so many are wanted in each cell, and what is held
    /// at its end.
    fn course(&self, wanted: &[f64; CELLS]) -> (f64, f64) {
        let (mut taken, mut held) = (0.0, self.held);
        for wanted in wanted {
            let there = held + self.inflow;
            let some = wanted.min(there);
            taken += some;
            held = (there - some).min(self.capacity());
        }
        (taken, held)
    }
}

/// Sums of parts of a token that make up one may miss it by this.
const ROUNDING: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Ratio, Span};

    /// One token for ten users, a bucket of 100.
    fn tokens() -> Tokens {
        let budget =
            RetryBudget { ratio: Ratio::new(0.1), min_per_s: 10.0, ttl: Span::from_secs(10) };
        Tokens::new(budget, 0.0)
    }

    fn due(n: u64, from_s: f64, to_s: f64) -> Wanted {
        Wanted { n, from_s, to_s }
    }

    /// A step of a second in which 9,900 users send: 1,000 tokens flow in. How many retries get
    /// one, by when they are due: a full bucket takes nothing in before they are.
    #[test]
    fn only_what_flows_in_meanwhile_can_be_taken() {
        for (retries, expected, why) in [
            (vec![due(50, 0.2, 0.3)], 50, "fewer than the bucket holds"),
            (vec![due(5_000, 0.0, 1.0)], 1_100, "the bucket and all that flows in"),
            (vec![due(5_000, 0.5, 1.0)], 600, "the first half has flown over"),
            (vec![due(5_000, 0.0, 0.5)], 600, "the second half comes too late"),
            (vec![due(5_000, 0.25, 0.25)], 162, "all at once: what is held, and a cell's inflow"),
            (vec![due(300, 0.0, 0.5), due(1_000, 0.5, 1.0)], 300 + 600, "full again in between"),
            (vec![due(600, 0.0, 0.5), due(1_000, 0.5, 1.0)], 600 + 500, "empty in between"),
            (vec![due(600, 0.0, 0.5), due(600, 0.0, 0.5)], 600, "both want the same tokens"),
        ] {
            let mut tokens = tokens();
            tokens.open(9_900, (0.0, 1.0));
            assert_eq!(tokens.take(retries.into_iter()), expected, "{why}");
        }
    }

    /// Retries of a step that become known one after the other, in any order, get together what
    /// they would get at once.
    #[test]
    fn late_news_get_what_is_left() {
        let (first, second) = (due(300, 0.0, 0.5), due(5_000, 0.5, 1.0));
        for order in [[first, second], [second, first]] {
            let mut tokens = tokens();
            tokens.open(9_900, (0.0, 1.0));
            let n: u64 = order.iter().map(|wanted| tokens.take([*wanted].into_iter())).sum();
            assert_eq!(n, 900, "{order:?}");
            assert_eq!(tokens.take([second].into_iter()), 0, "nothing twice");
        }
    }

    /// What is not taken fills the bucket, and no more: the next step begins with it.
    #[test]
    fn the_bucket_fills_between_steps() {
        let mut tokens = tokens();
        tokens.open(9_900, (0.0, 1.0));
        assert_eq!(tokens.take([due(5_000, 0.0, 1.0)].into_iter()), 1_100);
        tokens.open(400, (1.0, 2.0));
        assert_eq!(tokens.take([].into_iter()), 0);
        tokens.open(0, (2.0, 2.5));
        assert_eq!(tokens.take([due(500, 2.0, 2.5)].into_iter()), 50 + 5);
        tokens.open(0, (2.5, 18.5));
        assert_eq!(tokens.take([due(5_000, 17.5, 18.5)].into_iter()), 110);
    }
}
