//! How long a pass of the node monitor takes: its workers, and the rate limit of their client.
//!
//! Follows nodelifecycle/node_lifecycle_controller.go (monitorNodeHealth: nodeUpdateWorkerSize
//! workers, each of which takes one node after the other; a single one before v1.27, PR 114296),
//! controller_utils.go (MarkPodsNotReady: one pod after the other, a status update and an event
//! for each; SwapNodeControllerTaint: a read and a patch for each change) and client-go's
//! flowcontrol: every call of the controller takes a token of one bucket (`--kube-api-qps`,
//! `--kube-api-burst`), in the order in which they ask. Events are posted one by one.
//!
//! So a node with many pods, or many nodes at once, take long to be dealt with: two calls for each
//! pod are 10 pods a second at the default rate, once the burst is spent (issue 114295 reports a
//! minute for one site). Left out: the time that a taint of the eviction queues waits for tokens
//! (it takes them, but at once), and calls that fail.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::units::{Span, Time};

use super::rate_limiter::RateLimiter;

/// The client of a controller: how fast it may call and how long a call takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientPolicy {
    /// `--kube-api-qps` \[1/s\].
    pub qps: f64,
    /// `--kube-api-burst`.
    pub burst: u32,
    /// From a call to its answer.
    pub call_time: Span,
}

/// What a worker does for a node: calls, and what holds when they are answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<D> {
    /// Calls, one after the other.
    pub(super) n_calls: u32,
    /// Done after them.
    pub(super) deed: D,
    /// An event is posted then.
    pub(super) event: bool,
    /// The NoSchedule taint is changed then, by another worker.
    pub(super) no_schedule: bool,
}

impl<D> Job<D> {
    /// A job that neither posts an event nor changes the NoSchedule taint.
    pub(super) const fn new(n_calls: u32, deed: D) -> Self {
        Self { n_calls, deed, event: false, no_schedule: false }
    }
}

/// Who goes on when a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Caller {
    /// A worker of the pass.
    Worker(usize),
    /// One that changes NoSchedule taints; so many calls are left.
    NoSchedule(u32),
    /// The recorder of events.
    Recorder,
}

/// The workers of a controller and their client.
#[derive(Clone, Debug)]
pub(super) struct Workers<D> {
    client: ClientPolicy,
    limiter: RateLimiter,
    /// What each worker still does for the node that it has.
    jobs: Vec<VecDeque<Job<D>>>,
    n_busy: usize,
    /// Calls without an answer, in the order of their answers.
    calls: BinaryHeap<Reverse<(Time, u64, Caller)>>,
    n_calls: u64,
    /// Events that wait for the recorder.
    n_events: usize,
    recorder_is_busy: bool,
}

/// How a worker goes on.
pub(super) enum Next<D> {
    /// This is done.
    Deed(D),
    /// The worker is free.
    Free,
}

impl<D> Workers<D> {
    /// Idle workers with a full bucket.
    pub(super) fn new(n_workers: usize, client: ClientPolicy, now: Time) -> Self {
        assert!(0 < n_workers, "somebody must do the work");
        Self {
            client,
            limiter: RateLimiter::full(client.qps, i64::from(client.burst), now),
            jobs: (0..n_workers).map(|_| VecDeque::new()).collect(),
            n_busy: 0,
            calls: BinaryHeap::new(),
            n_calls: 0,
            n_events: 0,
            recorder_is_busy: false,
        }
    }

    /// All workers, in the order in which they take the first nodes of a pass.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> + use<D> {
        0..self.jobs.len()
    }

    /// Whether a worker waits for an answer.
    pub(super) const fn are_busy(&self) -> bool {
        0 < self.n_busy
    }

    /// When the next call is answered.
    pub(super) fn next_answer(&self) -> Option<Time> {
        self.calls.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the tokens of calls that somebody else makes.
    pub(super) fn take_tokens(&mut self, now: Time, n_calls: u32) {
        for _ in 0..n_calls {
            self.limiter.reserve(now);
        }
    }

    /// Gives a free worker what is to be done for a node.
    pub(super) fn give(&mut self, worker: usize, jobs: impl IntoIterator<Item = Job<D>>) {
        debug_assert!(self.jobs[worker].is_empty(), "only a free worker takes a node");
        self.jobs[worker].extend(jobs);
    }

    /// A worker goes on at `now` until it must wait for an answer: its next deed, or that it is
    /// free, or `None` if it waits.
    pub(super) fn go_on(&mut self, worker: usize, now: Time) -> Option<Next<D>> {
        let Some(job) = self.jobs[worker].front_mut() else {
            return Some(Next::Free);
        };
        if 0 < job.n_calls {
            job.n_calls -= 1;
            self.n_busy += 1;
            self.call(Caller::Worker(worker), now);
            return None;
        }
        let job = self.jobs[worker].pop_front().expect("it has a job");
        if job.no_schedule {
            self.call(Caller::NoSchedule(1), now);
        }
        if job.event {
            self.n_events += 1;
            self.record(now);
        }
        Some(Next::Deed(job.deed))
    }

    /// The next answer to a worker that comes until `until`: which worker, and when.
    pub(super) fn answer(&mut self, until: Time) -> Option<(Time, usize)> {
        while self.next_answer().is_some_and(|at| at <= until) {
            let Reverse((at, _, caller)) = self.calls.pop().expect("there is an answer");
            match caller {
                Caller::Worker(worker) => {
                    self.n_busy -= 1;
                    return Some((at, worker));
                }
                Caller::NoSchedule(0) => {}
                Caller::NoSchedule(left) => self.call(Caller::NoSchedule(left - 1), at),
                Caller::Recorder => {
                    self.recorder_is_busy = false;
                    self.record(at);
                }
            }
        }
        None
    }

    fn record(&mut self, now: Time) {
        if 0 < self.n_events && !self.recorder_is_busy {
            self.n_events -= 1;
            self.recorder_is_busy = true;
            self.call(Caller::Recorder, now);
        }
    }

    fn call(&mut self, caller: Caller, now: Time) {
        let answered = self.limiter.reserve(now) + self.client.call_time;
        self.n_calls += 1;
        self.calls.push(Reverse((answered, self.n_calls, caller)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: ClientPolicy =
        ClientPolicy { qps: 20.0, burst: 3, call_time: Span::from_millis(18) };

    /// The deeds of nodes that take these jobs, with their instants \[ms\].
    fn deeds(n_workers: usize, nodes: Vec<Vec<Job<u32>>>) -> Vec<(i64, u32)> {
        let mut workers = Workers::new(n_workers, CLIENT, Time::ZERO);
        let (mut nodes, mut done) = (nodes.into_iter(), Vec::new());
        let mut now: Vec<(Time, usize)> = workers.all().map(|w| (Time::ZERO, w)).collect();
        loop {
            for (at, worker) in now.drain(..) {
                while let Some(next) = workers.go_on(worker, at) {
                    match next {
                        Next::Deed(deed) => done.push((at, deed)),
                        Next::Free => match nodes.next() {
                            Some(jobs) => workers.give(worker, jobs),
                            None => break,
                        },
                    }
                }
            }
            match workers.answer(Time::NEVER) {
                Some(answer) => now.push(answer),
                None => break,
            }
        }
        assert!(!workers.are_busy());
        let millis = |at: Time| (at.as_secs_f64() * 1e3).round() as i64;
        done.into_iter().map(|(at, deed)| (millis(at), deed)).collect()
    }

    /// One row per rule: workers, nodes, and when each deed is done. A call takes 18 ms, three
    /// tokens are there, one more comes every 50 ms.
    #[test]
    fn calls_take_their_time_and_their_tokens() {
        let call = |deed| Job::new(1, deed);
        let event = |deed| Job { event: true, ..Job::new(1, deed) };
        let taint = |deed| Job { no_schedule: true, ..Job::new(1, deed) };
        let table = [
            (
                "without calls: at once",
                1,
                vec![vec![Job::new(0, 1)], vec![Job::new(0, 2)]],
                vec![(0, 1), (0, 2)],
            ),
            (
                "one after the other",
                1,
                vec![vec![call(1), call(2)], vec![call(3)]],
                vec![(18, 1), (36, 2), (54, 3)],
            ),
            (
                "side by side",
                2,
                vec![vec![call(1), call(2)], vec![call(3)]],
                vec![(18, 1), (18, 3), (36, 2)],
            ),
            ("two calls for one deed", 1, vec![vec![Job::new(2, 1)]], vec![(36, 1)]),
            (
                "the fourth waits for its token",
                4,
                (1..=5).map(|n| vec![call(n)]).collect(),
                vec![(18, 1), (18, 2), (18, 3), (68, 4), (118, 5)],
            ),
            // Calls at 0 and 18 ms; the event takes the third token before the third call.
            (
                "events take tokens, too",
                1,
                vec![vec![event(1), call(2), call(3)]],
                vec![(18, 1), (36, 2), (68, 3)],
            ),
            // The read at 18 ms and the patch at 36 ms take two.
            (
                "a NoSchedule taint takes two",
                1,
                vec![vec![taint(1), call(2), call(3)]],
                vec![(18, 1), (36, 2), (118, 3)],
            ),
        ];
        for (rule, n_workers, nodes, expected) in table {
            assert_eq!(deeds(n_workers, nodes), expected, "{rule}");
        }
    }
}
