//! The image pulls of a node: which run, how fast, and what a failed one waits for.
//!
//! Follows pkg/kubelet/images: `serializeImagePulls` (true by default) pulls one image at a time
//! in order of request, otherwise up to `maxParallelImagePulls` at once; a pull that fails is
//! tried again after 10 s, doubling to 300 s, for each pod and image. Parallel pulls beyond
//! `registryPullQPS` fail; serial ones never come that fast. A pull takes size / bandwidth; the
//! bandwidth of a node and of the registry is shared evenly by the pulls of the moment. Pods that
//! wait for one image wait for one pull. Left out: layers shared between images.

use std::collections::VecDeque;

use crate::model::ids::{PodId, WorkloadId};
use crate::units::{Span, Time};

/// Wait after the first failed pull of an image; it doubles up to [`BACKOFF_MAX`].
pub const BACKOFF_INITIAL: Span = Span::from_secs(10);
/// Longest wait between two tries.
pub const BACKOFF_MAX: Span = Span::from_secs(300);

/// How the kubelets pull.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PullPolicy {
    /// Most pulls of a node at once; `None` is no bound.
    pub parallel: Option<u32>,
    /// `registryPullQPS` \[1/s\]; 0 is no bound.
    pub qps: f64,
    /// `registryBurst`.
    pub burst: u32,
}

impl PullPolicy {
    const fn is_serial(self) -> bool {
        matches!(self.parallel, Some(1))
    }
}

/// What is pulled: an image of a workload, by the revision that it dates from, or the images of a
/// new node's system pods.
pub type Image = Option<(WorkloadId, u32)>;

/// A pull that waits or runs, and the pods that wait for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// What is pulled.
    pub image: Image,
    /// Size of what is left \[bytes\].
    left: f64,
    /// Bytes a second; 0 while it waits.
    rate: f64,
    /// From when on it has had this rate.
    since: Time,
    /// When it will be done at this rate.
    done_at: Time,
    /// Who waits for it.
    pub pods: Vec<PodId>,
}

impl Pull {
    fn set_rate(&mut self, rate: f64, now: Time) {
        if self.rate == rate {
            return;
        }
        self.left = (self.left - self.rate * (now - self.since).as_secs_f64()).max(0.0);
        self.rate = rate;
        self.since = now;
        self.done_at = now + Span::from_secs_f64(self.left / rate);
    }
}

/// The pulls of one node.
#[derive(Clone, Debug, Default)]
pub struct NodePulls {
    waiting: VecDeque<Pull>,
    running: Vec<Pull>,
    /// When the token bucket of the registry rate was last empty, or would have been.
    empty_at: Option<Time>,
}

impl NodePulls {
    /// A pod asks for an image of `size` bytes; false if the registry rate forbids it.
    pub fn ask(
        &mut self,
        pod: Option<PodId>,
        (image, size): (Image, f64),
        now: Time,
        policy: PullPolicy,
    ) -> bool {
        if !policy.is_serial() && !self.take_token(now, policy) {
            return false;
        }
        let known = self.running.iter_mut().chain(&mut self.waiting);
        if let Some(pull) = known.into_iter().find(|pull| pull.image == image) {
            pull.pods.extend(pod);
        } else {
            let pods = pod.into_iter().collect();
            let (rate, done_at) = (0.0, Time::NEVER);
            self.waiting.push_back(Pull { image, left: size, rate, since: now, done_at, pods });
        }
        true
    }

    fn take_token(&mut self, now: Time, policy: PullPolicy) -> bool {
        if policy.qps == 0.0 {
            return true;
        }
        let period = Span::from_secs_f64(1.0 / policy.qps);
        let full = now - period * i64::from(policy.burst);
        let next = self.empty_at.map_or(full, |empty| empty.max(full)) + period;
        if now < next {
            return false;
        }
        self.empty_at = Some(next);
        true
    }

    /// Starts what may run, in order of request.
    pub fn start(&mut self, policy: PullPolicy) {
        let most = policy.parallel.map_or(usize::MAX, |most| most as usize);
        let n_free = most.saturating_sub(self.running.len()).min(self.waiting.len());
        self.running.extend(self.waiting.drain(..n_free));
    }

    /// Number of pulls that run.
    #[must_use]
    pub fn n_running(&self) -> usize {
        self.running.len()
    }

    /// Every pull that runs has this many bytes a second from `now` on.
    pub fn set_rate(&mut self, rate: f64, now: Time) {
        for pull in &mut self.running {
            pull.set_rate(rate, now);
        }
    }

    /// When the next pull is done.
    #[must_use]
    pub fn next_done(&self) -> Option<Time> {
        self.running.iter().map(|pull| pull.done_at).min()
    }

    /// Takes the pulls that are done by `now`.
    pub fn take_done(&mut self, now: Time) -> Vec<Pull> {
        let (done, running) =
            std::mem::take(&mut self.running).into_iter().partition(|pull| pull.done_at <= now);
        self.running = running;
        done
    }

    /// Takes the pulls whose registry is gone, waiting ones included.
    pub fn take_those(&mut self, is_lost: impl Fn(Image) -> bool) -> Vec<Pull> {
        let all = std::mem::take(&mut self.running).into_iter();
        let (mut lost, running): (Vec<Pull>, Vec<Pull>) = all.partition(|pull| is_lost(pull.image));
        let all = std::mem::take(&mut self.waiting).into_iter();
        let (more, waiting): (Vec<Pull>, Vec<Pull>) = all.partition(|pull| is_lost(pull.image));
        (self.running, self.waiting) = (running, waiting.into());
        lost.extend(more);
        lost
    }

    /// Whether an image is being pulled, or will be.
    #[must_use]
    pub fn has(&self, image: Image) -> bool {
        self.running.iter().chain(&self.waiting).any(|pull| pull.image == image)
    }
}

/// Bytes a second of each pull of each node, by the number of its pulls and its bandwidth, when
/// a registry serves `total` in all: an even share for every pull, except that a node takes no
/// more than its bandwidth, and what it leaves goes to the others (max-min fairness).
#[must_use]
pub fn fair_rates(nodes: &[(usize, f64)], total: Option<f64>) -> Vec<f64> {
    let own = |&(n_pulls, bandwidth): &(usize, f64)| bandwidth / n_pulls.max(1) as f64;
    let mut rates: Vec<f64> = nodes.iter().map(own).collect();
    let Some(mut left) = total else { return rates };
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by(|&a, &b| rates[a].total_cmp(&rates[b]));
    let mut n_left: usize = nodes.iter().map(|&(n_pulls, _)| n_pulls).sum();
    for node in order {
        let n_pulls = nodes[node].0;
        if 0 < n_pulls {
            rates[node] = rates[node].min(left / n_left as f64);
            left = (left - rates[node] * n_pulls as f64).max(0.0);
            n_left -= n_pulls;
        }
    }
    rates
}

/// The wait before the next try after `n_failures` failed pulls in a row of an image.
#[must_use]
pub fn pull_backoff(n_failures: u32) -> Span {
    let doublings = n_failures.saturating_sub(1).min(5);
    (BACKOFF_INITIAL * (1 << doublings)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1_048_576.0;

    fn policy(parallel: Option<u32>) -> PullPolicy {
        PullPolicy { parallel, qps: 5.0, burst: 10 }
    }

    fn image(index: usize) -> Image {
        Some((WorkloadId::new(index), 0))
    }

    /// Runs three pulls of 500, 500 and 100 MiB, asked for at 0, 0 and 20 s, on a node of
    /// 100 MiB/s: seconds at which they are done.
    fn done_at(policy: PullPolicy) -> Vec<f64> {
        let mut node = NodePulls::default();
        let mut asks = VecDeque::from([(0, 0, 500.0), (0, 1, 500.0), (20, 2, 100.0)]);
        let mut done = Vec::new();
        loop {
            let ask_at = asks.front().map_or(Time::NEVER, |&(at, ..)| Time::from_secs(at));
            let now = ask_at.min(node.next_done().unwrap_or(Time::NEVER));
            if now == Time::NEVER {
                return done;
            }
            done.extend(node.take_done(now).iter().map(|_| now.as_secs_f64()));
            if ask_at == now {
                let (_, index, mib) = asks.pop_front().unwrap();
                assert!(node.ask(None, (image(index), mib * MIB), now, policy));
            }
            node.start(policy);
            node.set_rate(100.0 * MIB / node.n_running().max(1) as f64, now);
        }
    }

    /// One at a time in order of request; in parallel they share the bandwidth; a later one
    /// finds the node idle; a bound of two is enough for two.
    #[test]
    fn pulls_are_serial_or_share() {
        assert_eq!(done_at(policy(Some(1))), [5.0, 10.0, 21.0]);
        assert_eq!(done_at(policy(Some(2))), [10.0, 10.0, 21.0]);
        assert_eq!(done_at(policy(None)), [10.0, 10.0, 21.0]);
    }

    /// A lost registry takes its own pulls, running and waiting; the others go on in their order.
    #[test]
    fn pulls_from_other_registries_go_on() {
        let mut node = NodePulls::default();
        for index in 0..4 {
            node.ask(None, (image(index), MIB), Time::ZERO, policy(Some(2)));
        }
        node.start(policy(Some(2)));
        let lost = node.take_those(|lost| lost == image(0) || lost == image(3));
        let images = |pulls: &[Pull]| pulls.iter().map(|pull| pull.image).collect::<Vec<_>>();
        assert_eq!(images(&lost), [image(0), image(3)]);
        assert_eq!(node.n_running(), 1);
        node.start(policy(Some(2)));
        assert_eq!(node.n_running(), 2);
        assert_eq!(images(&node.take_those(|_| true)), [image(1), image(2)]);
    }

    /// Two pods that want one image wait for one pull.
    #[test]
    fn one_pull_for_one_image() {
        let mut node = NodePulls::default();
        for pod in [PodId::new(0), PodId::new(1)] {
            assert!(node.ask(Some(pod), (image(0), MIB), Time::ZERO, policy(Some(1))));
            node.start(policy(Some(1)));
        }
        assert!(node.has(image(0)) && !node.has(image(1)));
        let pulls = node.take_those(|_| true);
        assert_eq!(pulls.len(), 1);
        assert_eq!(pulls[0].pods, [PodId::new(0), PodId::new(1)]);
    }

    /// Ten pulls at once and one each 0.2 s; serial pulls and a rate of 0 know no bound.
    #[test]
    fn the_registry_rate_bounds_parallel_pulls() {
        let n_accepted = |policy, at_ms: &[i64]| {
            let mut node = NodePulls::default();
            let mut ask = |ms: i64| {
                let now = Time::ZERO + Span::from_millis(ms);
                node.ask(None, (image(0), MIB), now, policy)
            };
            at_ms.iter().filter(|&&ms| ask(ms)).count()
        };
        let burst = [0; 12];
        assert_eq!(n_accepted(policy(None), &burst), 10);
        let later: Vec<i64> = burst.into_iter().chain([199, 200, 201, 399, 400]).collect();
        assert_eq!(n_accepted(policy(None), &later), 12);
        assert_eq!(n_accepted(policy(Some(1)), &burst), 12);
        assert_eq!(n_accepted(PullPolicy { qps: 0.0, ..policy(None) }, &burst), 12);
    }

    /// Nodes below their share leave the rest to others; nothing is shared without a bound.
    #[test]
    fn shares_of_the_registry_are_fair() {
        let table = [
            ("no bound", None, vec![(1, 100.0), (2, 100.0)], vec![100.0, 50.0]),
            ("enough for all", Some(500.0), vec![(1, 100.0), (2, 100.0)], vec![100.0, 50.0]),
            ("even shares", Some(90.0), vec![(1, 100.0), (2, 100.0)], vec![30.0, 30.0]),
            (
                "a slow node leaves its rest",
                Some(90.0),
                vec![(1, 10.0), (2, 100.0)],
                vec![10.0, 40.0],
            ),
            (
                "an idle node takes nothing",
                Some(90.0),
                vec![(0, 10.0), (1, 100.0)],
                vec![10.0, 90.0],
            ),
        ];
        for (rule, total, nodes, expected) in table {
            assert_eq!(fair_rates(&nodes, total), expected, "{rule}");
        }
    }

    /// 10, 20, 40, 80, 160 s, then 300 s.
    #[test]
    fn failed_pulls_back_off() {
        let waits = [1, 2, 3, 4, 5, 6, 7, u32::MAX].map(pull_backoff);
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300].map(Span::from_secs));
    }
}
