//! What stands before the calls of one caller pod: a limit of calls at a time, a circuit breaker,
//! a retry budget.

use crate::traffic::retries::Bucket;

use super::breaker::Breaker;
use super::wires::CallRules;

/// The guards of one call of one caller pod.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    n_unanswered: u32,
    limit: u32,
    breaker: Option<Breaker>,
    budget: Option<Bucket>,
}

/// What becomes of an attempt that a guard let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Succeeded,
    Failed,
    /// Nobody waits for it any more.
    Abandoned,
}

impl Guard {
    pub(super) fn new(rules: &CallRules) -> Self {
        Self {
            n_unanswered: 0,
            limit: rules.plan.max_concurrent.unwrap_or(u32::MAX),
            breaker: rules.plan.breaker.map(Breaker::new),
            budget: rules.budget,
        }
    }

    /// Whether an attempt may be sent; it must then [end](Self::ended). A breaker stands before
    /// the limit, and to it what the limit refuses has failed, as resilience4j nests them.
    pub(super) fn lets_through(&mut self, now_s: f64) -> bool {
        if self.breaker.as_mut().is_some_and(|breaker| !breaker.permits(now_s)) {
            return false;
        }
        let passes = self.n_unanswered < self.limit;
        if passes {
            self.n_unanswered += 1;
        } else if let Some(breaker) = &mut self.breaker {
            breaker.record(true, now_s);
        }
        passes
    }

    /// An attempt that was let through is over.
    pub(super) fn ended(&mut self, how: Ended, now_s: f64) {
        self.n_unanswered -= 1;
        match (&mut self.breaker, how) {
            (None, _) => {}
            (Some(breaker), Ended::Abandoned) => breaker.release(),
            (Some(breaker), how) => breaker.record(how == Ended::Failed, now_s),
        }
    }

    /// A call is made for the first time.
    pub(super) fn first_sent(&mut self, now_s: f64) {
        if let Some(budget) = &mut self.budget {
            budget.first_sent(&[now_s]);
        }
    }

    /// Whether the budget allows a retry; takes its token.
    pub(super) fn allows_retry(&mut self, now_s: f64) -> bool {
        self.budget.as_mut().is_none_or(|budget| budget.allows_retry(now_s))
    }
}
