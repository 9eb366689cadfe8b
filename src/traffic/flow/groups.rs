//! Pods in the same state, handled as one.
//!
//! Pods of a deployment that get equal shares of its requests behave alike: each is a queue of
//! its own with the same law of states. A group keeps the mean state of one of them and the
//! requests of all in whole numbers; which pod a request is in is drawn only when a pod leaves
//! the group. Pods that differ (just started, draining, not yet known to the balancer) are groups
//! of their own until they are alike.

use std::collections::VecDeque;

use crate::sim::streams::{Cursor, unit};

use super::counts::binomial;
use super::curve::State;

/// Pods in the same state.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// By `PodId`.
    pub(super) pods: Vec<u32>,
    /// Whether the balancer sends to them.
    pub(super) accepting: bool,
    /// They finish what they have, by then [s].
    pub(super) finish_s: f64,
    /// Seconds that a second of nominal work takes.
    pub(super) slowness: f64,
    /// Of their station among the deployment's.
    pub(super) station: usize,
    /// Of one station.
    pub(super) state: State,
    /// Requests a second that came to each of its stations in the last step.
    pub(super) rate: f64,
    /// Variance of the number in its stations, as far as it has come about.
    pub(super) variance: f64,
    /// Of its mean service that a request takes, where some are cut short.
    pub(super) part: f64,
    /// The variance of waits is at most that [s²].
    pub(super) most_s2: f64,
    /// Requests that are served or wait, by the number of the step in which they arrived.
    pub(super) queue: VecDeque<(u64, u64)>,
    /// Sum of the queue.
    pub(super) present: u64,
    /// Requests that will give up before their turn, likewise.
    pub(super) doomed: VecDeque<(u64, u64)>,
    /// Where the rounding of its mean begins.
    phase: f64,
    /// Parts of requests that were not refused yet.
    pub(super) refused_part: f64,
    /// Busy time of each pod [worker seconds], up to an offset of its own.
    pub(super) busy_s: f64,
    /// Requests that each pod has finished, likewise.
    pub(super) finished: f64,
    /// Workers of one station that wait for calls.
    pub(super) held: f64,
}

impl Group {
    /// A pod whose process has just begun.
    pub(super) fn started(pod: u32, slowness: f64, station: usize, draws: &mut Cursor) -> Self {
        Self {
            pods: vec![pod],
            accepting: false,
            finish_s: f64::INFINITY,
            slowness,
            station,
            state: State::default(),
            rate: 0.0,
            variance: 0.0,
            part: 1.0,
            most_s2: f64::INFINITY,
            queue: VecDeque::new(),
            present: 0,
            doomed: VecDeque::new(),
            phase: unit(draws.next_u64()),
            refused_part: 0.0,
            busy_s: 0.0,
            finished: 0.0,
            held: 0.0,
        }
    }

    /// The number of pods.
    pub(super) fn size(&self) -> f64 {
        self.pods.len() as f64
    }

    /// Whether it has nothing to do.
    pub(super) fn idles(&self) -> bool {
        self.present == 0 && self.state.present < 1e-6
    }

    /// Takes a pod out, with its share of the requests.
    pub(super) fn split_off(&mut self, pod: u32, draws: &mut Cursor) -> Self {
        let share = 1.0 / self.size();
        let at = self.pods.iter().position(|other| *other == pod).expect("a pod of the group");
        self.pods.remove(at);
        let mut other = Self {
            pods: vec![pod],
            queue: take_share(&mut self.queue, share, draws),
            doomed: take_share(&mut self.doomed, share, draws),
            phase: unit(draws.next_u64()),
            refused_part: self.refused_part * share,
            ..self.clone_without_requests()
        };
        other.present = other.queue.iter().map(|(_, n)| n).sum();
        self.present -= other.present;
        self.refused_part -= other.refused_part;
        other
    }

    fn clone_without_requests(&self) -> Self {
        Self {
            pods: Vec::new(),
            queue: VecDeque::new(),
            doomed: VecDeque::new(),
            present: 0,
            ..*self
        }
    }

    /// Takes the pods of a group that has become alike.
    pub(super) fn absorb(&mut self, other: Self) {
        let share = other.size() / (self.size() + other.size());
        let gap = other.state.present - self.state.present;
        self.state.present += gap * share;
        self.held += (other.held - self.held) * share;
        self.variance +=
            (other.variance - self.variance) * share + gap * gap * share * (1.0 - share);
        self.pods.extend(other.pods);
        self.present += other.present;
        self.refused_part += other.refused_part;
        merge(&mut self.queue, other.queue);
        merge(&mut self.doomed, other.doomed);
    }

    /// Whether another group is the same but for its history.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        const ALIKE: f64 = 0.02;
        let gap = (self.state.present - other.state.present).abs();
        self.accepting == other.accepting
            && self.station == other.station
            && self.slowness == other.slowness
            && self.finish_s == other.finish_s
            && gap <= ALIKE * (1.0 + self.state.present.max(other.state.present))
    }

    /// How many requests of a mean of `mean` there are in all.
    pub(super) fn rounded(&self, mean: f64) -> u64 {
        (mean + self.phase).floor().max(0.0) as u64
    }

    /// Takes the first `n` requests, by step.
    pub(super) fn take_first(&mut self, n: u64, mut taken: impl FnMut(u64, u64)) {
        let mut left = n;
        while 0 < left {
            let first = self.queue.front_mut().expect("no more are taken than are there");
            let some = left.min(first.1);
            first.1 -= some;
            left -= some;
            taken(first.0, some);
            if first.1 == 0 {
                self.queue.pop_front();
            }
        }
        self.present -= n;
    }

    /// Adds `n` requests that arrived in `step`, the latest one.
    pub(super) fn add(&mut self, step: u64, n: u64) {
        if 0 < n {
            self.queue.push_back((step, n));
            self.present += n;
        }
    }

    /// Its share of what is in the group, for pod number `rank` of it.
    pub(super) fn share_of(&self, rank: usize) -> u64 {
        let doomed: u64 = self.doomed.iter().map(|(_, n)| n).sum();
        let (all, pods) = (self.present + doomed, self.pods.len() as u64);
        all / pods + u64::from((rank as u64) < all % pods)
    }
}

/// Takes each request with probability `share`.
fn take_share(
    queue: &mut VecDeque<(u64, u64)>,
    share: f64,
    draws: &mut Cursor,
) -> VecDeque<(u64, u64)> {
    let mut taken = VecDeque::new();
    for (step, n) in queue.iter_mut() {
        let some = if 1.0 <= share { *n } else { binomial(*n, share, draws.next_u64()) };
        *n -= some;
        if 0 < some {
            taken.push_back((*step, some));
        }
    }
    queue.retain(|(_, n)| 0 < *n);
    taken
}

/// Adds a queue to another one, both in order of steps.
fn merge(queue: &mut VecDeque<(u64, u64)>, other: VecDeque<(u64, u64)>) {
    for (step, n) in other {
        let at = queue.partition_point(|(known, _)| *known < step);
        match queue.get_mut(at) {
            Some(entry) if entry.0 == step => entry.1 += n,
            _ => queue.insert(at, (step, n)),
        }
    }
}
