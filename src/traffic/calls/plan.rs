//! Which deployments call which: fixed for a run.

use crate::model::ids::DeploymentId;
use crate::traffic::plan::RetryPolicy;
use crate::units::{Ratio, Span};

use super::breaker::BreakerRules;

/// The calls that the requests of each deployment make. No deployment calls itself, not through
/// others either, unless somebody made it by hand: the engine does not mind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallGraph {
    /// By `DeploymentId`; those that are missing call nobody.
    callers: Vec<CallerPlan>,
}

/// How the requests of one deployment call others. A request does its own work first, then it
/// makes the calls in order, and then it is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct CallerPlan {
    /// Whether a request keeps its worker while it waits for answers: a thread does, an event
    /// loop does not.
    pub holds_worker: bool,
    /// In order.
    pub calls: Vec<CallPlan>,
}

impl Default for CallerPlan {
    fn default() -> Self {
        Self { holds_worker: true, calls: Vec::new() }
    }
}

/// A call of each request of a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct CallPlan {
    /// Names its random streams, so that other calls never move its draws.
    pub name: String,
    /// Who is called.
    pub to: DeploymentId,
    /// Share of the requests that make it; drawn for each of `count`.
    pub probability: Ratio,
    /// How often, at least once.
    pub count: u32,
    /// Whether the calls of `count`, and those of neighbours in the list that are parallel too,
    /// are made at once; otherwise each waits for the answer before.
    pub parallel: bool,
    /// Whether the request fails if the call does; otherwise it goes on without.
    pub required: bool,
    /// From caller to pod and back.
    pub round_trip: Span,
    /// The caller gives up an attempt this long after it sent it.
    pub timeout: Span,
    /// Whether an attempt ends no later than the caller's own request is given up.
    pub propagates_deadline: bool,
    /// What the caller does when an attempt has failed; each caller pod has a budget of its own.
    pub retries: RetryPolicy,
    /// Attempts that one caller pod may have unanswered; more fail at once.
    pub max_concurrent: Option<u32>,
    /// The circuit breaker of each caller pod.
    pub breaker: Option<BreakerRules>,
}

impl CallGraph {
    /// The graph in which these call, by `DeploymentId`.
    #[must_use]
    pub const fn new(callers: Vec<CallerPlan>) -> Self {
        Self { callers }
    }

    /// Whether nobody calls anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.callers.iter().all(|caller| caller.calls.is_empty())
    }

    /// By `DeploymentId`; those that are missing call nobody.
    #[must_use]
    pub fn callers(&self) -> &[CallerPlan] {
        &self.callers
    }

    /// A deployment with those that call it, and those that call them.
    #[must_use]
    pub fn asking(&self, deployment: DeploymentId) -> Vec<DeploymentId> {
        let mut asking = vec![deployment];
        let mut next = 0;
        while let Some(&callee) = asking.get(next) {
            next += 1;
            let calls = |plan: &CallerPlan| plan.calls.iter().any(|call| call.to == callee);
            let callers = self.callers.iter().enumerate().filter(|(_, plan)| calls(plan));
            for caller in callers.map(|(caller, _)| DeploymentId::new(caller)) {
                if !asking.contains(&caller) {
                    asking.push(caller);
                }
            }
        }
        asking
    }

    /// How long a request of `deployment` waits for its calls on average [s], if nothing is busy
    /// and nothing fails; of calls at once, as long as the longest. `work_s` is the mean work of a
    /// request.
    #[must_use]
    pub fn mean_wait_s(
        &self,
        deployment: DeploymentId,
        work_s: &dyn Fn(DeploymentId) -> f64,
    ) -> f64 {
        let Some(plan) = self.callers.get(deployment.index()) else { return 0.0 };
        let (mut sum_s, mut group_s) = (0.0, 0.0);
        for call in &plan.calls {
            let answer_s = work_s(call.to) + self.mean_wait_s(call.to, work_s);
            let each_s = call.round_trip.as_secs_f64() + answer_s;
            if call.parallel {
                group_s = f64::max(group_s, call.probability.get() * each_s);
            } else {
                sum_s += std::mem::take(&mut group_s) + call.mean() * each_s;
            }
        }
        sum_s + group_s
    }

    /// Requests a second that reach `deployment`, if `by_users` of them reach each deployment
    /// directly and no attempt fails. The graph has no cycle.
    #[must_use]
    pub fn rate(&self, deployment: DeploymentId, by_users: &dyn Fn(DeploymentId) -> f64) -> f64 {
        let mut rate = by_users(deployment);
        for (caller, plan) in self.callers.iter().enumerate() {
            let each: f64 =
                plan.calls.iter().filter(|call| call.to == deployment).map(CallPlan::mean).sum();
            if 0.0 < each {
                rate += each * self.rate(DeploymentId::new(caller), by_users);
            }
        }
        rate
    }
}

impl CallPlan {
    /// How many of these calls a request makes on average.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.probability.get() * f64::from(self.count)
    }
}
