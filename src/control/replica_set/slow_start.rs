//! Creating pods in growing batches, so that a failing API is not flooded.
//!
//! Follows `slowStartBatch` of pkg/controller/replicaset/replica_set.go.

/// Size of the first batch (`SlowStartInitialBatchSize`, controller_utils.go).
pub const INITIAL_BATCH: usize = 1;

/// The batches in which `count` pods are created: `initial`, then double each time.
pub fn batches(count: usize, initial: usize) -> impl Iterator<Item = usize> {
    let mut remaining = count;
    let mut next = initial;
    std::iter::from_fn(move || {
        let batch = next.min(remaining);
        remaining -= batch;
        next = batch.saturating_mul(2);
        (batch > 0).then_some(batch)
    })
}

/// How a slow start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Creations that succeeded.
    pub successes: usize,
    /// Creations that were tried.
    pub calls: usize,
    /// Whether one failed, so that the rest was given up.
    pub failed: bool,
}

/// Calls `create` for up to `count` pods; a batch with a failure is the last one.
pub fn slow_start(count: usize, initial: usize, mut create: impl FnMut() -> bool) -> Outcome {
    let mut outcome = Outcome { successes: 0, calls: 0, failed: false };
    for batch in batches(count, initial) {
        outcome.calls += batch;
        let successes = (0..batch).filter(|_| create()).count();
        outcome.successes += successes;
        outcome.failed = successes < batch;
        if outcome.failed {
            break;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches double and add up to the count.
    #[test]
    fn batches_double() {
        assert_eq!(batches(10, INITIAL_BATCH).collect::<Vec<_>>(), [1, 2, 4, 3]);
        assert_eq!(batches(0, INITIAL_BATCH).count(), 0);
    }
}
