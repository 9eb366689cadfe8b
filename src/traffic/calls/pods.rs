//! A pod as time goes by: workers, a FIFO queue, and the visits that it has in hand.

use std::collections::VecDeque;
use std::hint::select_unpredictable;

use crate::sim::sampler::Sampler;
use crate::traffic::Kill;
use crate::traffic::kiefer_wolfowitz;
use crate::traffic::ledger::nanos;
use crate::traffic::plan::{Balancer, DeploymentPlan, OnTimeout};

use super::Calls;
use super::concurrency_limit::ConcurrencyLimit;
use super::guards::Guard;
use super::protection::Protected;
use super::slab::{Ref, Slab};
use super::visits::Visit;

/// Weight of the last wait for calls in their running mean.
const LAST_WAIT: f64 = 1.0 / 16.0;

/// A deployment at run time.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    workers: usize,
    pub(super) queue: usize,
    pub(super) speed: f64,
    pub(super) sampler: Sampler,
    pub(super) on_timeout: OnTimeout,
    pub(super) balancer: Balancer,
    pub(super) stale_failures: u32,
    pub(super) counts_writes: bool,
    /// Next endpoint in turn.
    pub(super) turn: usize,
    pub(super) holds_worker: bool,
    /// The wires of its calls, in order.
    pub(super) calls: Vec<usize>,
    /// No request waits longer for its calls [s].
    pub(super) hold_bound_s: f64,
    /// What its pods refuse, if they do.
    pub(super) protected: Option<Protected>,
}

/// Whether the process of a pod runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Runs,
    /// Finishes what it has, takes nothing new.
    Drains,
    Gone(Kill),
}

/// A pod of one deployment.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) process: Process,
    pub(super) deployment: usize,
    workers: usize,
    /// Workers that are taken, those included that wait for calls.
    pub(super) n_taken: usize,
    /// When each worker that works is done [s], and with what.
    pub(super) working: Vec<(f64, Ref)>,
    pub(super) queue: VecDeque<Ref>,
    /// Work of what is in the queue, at speed 1 [ns].
    queued_ns: u64,
    /// All visits.
    pub(super) n_visits: u32,
    /// Those that somebody waits for.
    pub(super) n_outstanding: usize,
    /// Once it is gone without a word: when what it does not answer is given up [s].
    pub(super) unanswered_s: Vec<f64>,
    /// Seconds that a second of nominal work takes.
    pub(super) slowness: f64,
    pub(super) slowness_since_s: f64,
    /// Virtual wait above which a window stops [s].
    pub(super) threshold_s: f64,
    /// Once it is gone without a word: requests that will still fail on connections to it.
    pub(super) stale_failures: u32,
    /// Work done by the process [ns].
    pub(super) done_ns: u64,
    pub(super) accepted: u64,
    /// Running mean of how long a worker waits for the calls of a request [s].
    mean_hold_s: f64,
    /// By call of the deployment.
    pub(super) guards: Vec<Guard>,
    /// Of requests in hand, if there is one.
    pub(super) limit: Option<Box<ConcurrencyLimit>>,
}

impl Deployment {
    pub(super) fn new(plan: &DeploymentPlan) -> Self {
        assert!((1..=kiefer_wolfowitz::WORKERS_MAX).contains(&plan.workers), "1 to 64 workers");
        assert!(0.0 < plan.speed && plan.speed.is_finite(), "a speed is positive");
        Self {
            workers: usize::from(plan.workers),
            queue: plan.queue as usize,
            speed: plan.speed,
            sampler: Sampler::new(&plan.law),
            on_timeout: plan.on_timeout,
            balancer: plan.balancer,
            stale_failures: plan.stale_failures,
            counts_writes: plan.counts_writes,
            turn: 0,
            holds_worker: true,
            calls: Vec::new(),
            hold_bound_s: 0.0,
            protected: None,
        }
    }
}

impl Pod {
    /// A pod whose process does not run.
    pub(super) const fn absent() -> Self {
        Self {
            process: Process::Gone(Kill::Reset),
            deployment: 0,
            workers: 0,
            n_taken: 0,
            working: Vec::new(),
            queue: VecDeque::new(),
            queued_ns: 0,
            n_visits: 0,
            n_outstanding: 0,
            unanswered_s: Vec::new(),
            slowness: 1.0,
            slowness_since_s: f64::NEG_INFINITY,
            threshold_s: f64::INFINITY,
            stale_failures: 0,
            done_ns: 0,
            accepted: 0,
            mean_hold_s: 0.0,
            guards: Vec::new(),
            limit: None,
        }
    }

    /// A process starts at `now_s`, empty.
    pub(super) fn start(&mut self, index: usize, deployment: &Deployment, now_s: f64) {
        debug_assert!(self.n_visits == 0, "a process that is gone has nothing in hand");
        self.deployment = index;
        self.process = Process::Runs;
        self.workers = deployment.workers;
        self.slowness = 1.0 / deployment.speed;
        self.slowness_since_s = now_s;
        self.done_ns = 0;
        self.mean_hold_s = 0.0;
        self.guards.clear();
        self.unanswered_s.clear();
    }

    /// Unanswered and not abandoned requests at `now_s`.
    pub(super) fn outstanding(&mut self, now_s: f64) -> usize {
        self.unanswered_s.retain(|give_up_s| now_s < *give_up_s);
        self.n_outstanding + self.unanswered_s.len()
    }

    pub(super) fn runs(&self) -> bool {
        self.process == Process::Runs
    }

    /// How the process went, once it has.
    pub(super) const fn gone(&self) -> Kill {
        match self.process {
            Process::Runs | Process::Drains => Kill::Reset,
            Process::Gone(how) => how,
        }
    }

    pub(super) const fn has_free_worker(&self) -> bool {
        self.n_taken < self.workers
    }

    /// How many workers and places of a queue are taken, and how many there are.
    pub(super) fn places(&self, queue: usize) -> (u32, u32) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(self.n_taken + self.queue.len()), count(self.workers + queue))
    }

    /// When the first worker is done [s].
    #[inline]
    pub(super) fn first_done_s(&self) -> f64 {
        self.working.iter().fold(f64::INFINITY, |least, (done_s, _)| least.min(*done_s))
    }

    /// The worker that is done first stops working: what it worked on, and when the next one is
    /// done [s].
    #[inline]
    pub(super) fn take_first_done(&mut self) -> (Ref, f64) {
        let mut first = 0;
        let (mut first_s, mut next_s) = (f64::INFINITY, f64::INFINITY);
        for (index, &(done_s, _)) in self.working.iter().enumerate() {
            let earlier = done_s < first_s;
            let later_s = select_unpredictable(earlier, first_s, done_s);
            next_s = if later_s < next_s { later_s } else { next_s };
            first = select_unpredictable(earlier, index, first);
            first_s = select_unpredictable(earlier, done_s, first_s);
        }
        (self.working.swap_remove(first).1, next_s)
    }

    pub(super) fn enqueue(&mut self, name: Ref, work_s: f64) {
        self.queue.push_back(name);
        self.queued_ns += nanos(work_s);
    }

    pub(super) fn dequeue(&mut self, visits: &Slab<Visit>) -> Option<Ref> {
        let name = self.queue.pop_front()?;
        self.queued_ns -= nanos(visits[name].work_s);
        Some(name)
    }

    /// Forgets the whole queue.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.queued_ns = 0;
        self.working.clear();
        self.n_visits = 0;
        self.guards.clear();
        self.n_taken = 0;
        self.n_outstanding = 0;
    }

    /// A worker has waited so long for the calls of a request.
    pub(super) fn has_held(&mut self, hold_s: f64) {
        self.mean_hold_s += (hold_s - self.mean_hold_s) * LAST_WAIT;
    }

    /// Work done up to `now_s` [ns].
    pub(super) fn busy_ns(&self, visits: &Slab<Visit>, now_s: f64) -> u64 {
        let spent = self
            .working
            .iter()
            .map(|(done_s, name)| nanos((done_s.min(now_s) - visits[*name].start_s).max(0.0)));
        self.done_ns + spent.sum::<u64>()
    }

    /// How long a request that arrives at `now_s` would wait for a worker, about [s].
    pub(super) fn wait_s(&self, now_s: f64) -> f64 {
        if self.has_free_worker() {
            return 0.0;
        }
        let n_held = self.n_taken - self.working.len();
        let left_s: f64 = self.working.iter().map(|(done_s, _)| done_s - now_s).sum();
        let holds = (self.n_taken + self.queue.len()) as f64 - n_held as f64 / 2.0;
        let ahead_s =
            left_s + self.queued_ns as f64 / 1e9 * self.slowness + holds * self.mean_hold_s;
        (ahead_s / self.workers as f64).max(0.0)
    }
}

impl Calls {
    /// How long a request that arrives now would wait for a worker of a pod [s].
    pub(super) fn wait_s(&self, pod: usize, now_s: f64) -> f64 {
        match self.pods.get(pod) {
            Some(pod) if !matches!(pod.process, Process::Gone(_)) => pod.wait_s(now_s),
            _ => f64::INFINITY,
        }
    }

    /// Workers of a pod are done at other instants than before.
    pub(super) fn set_finish(&mut self, pod: usize) {
        self.finishes.set(pod, self.pods[pod].first_done_s());
    }
}
