//! A data plane without requests: each deployment has a CPU load, shared evenly by its pods.
//!
//! Serves replays of recorded control planes and studies of controllers alone, where what users
//! get does not matter. A load is a step function of time; each pod that serves gets an equal
//! part of it, at most its CPU limit, and what is above the limits is lost: usage saturates, it
//! does not queue. A pod serves from the instant that its process answers until it drains or
//! ends. Readiness, endpoints and routing do not matter: nobody sends anything.
//!
//! All pods of a deployment that serve use the same CPU, so one running total a deployment is
//! enough: time costs nothing, a change of load or of a pod costs O(1) whatever the cluster's
//! size. Totals move only at such changes, so that cutting a window changes no bit.

use crate::model::ids::{DeploymentId, PodId};
use crate::spec::{Code, Decoder, Diagnostic, Name, section};
use crate::units::{MilliCpu, Span, Time};

use super::ledger::Ledger;
use super::routing::Routing;
use super::{Advance, Kill, Traffic};

section! {
    /// The CPU load of a workload in one cluster, instead of requests.
    pub struct CpuLoadSpec {
        /// The workload that has the load.
        "workload" workload: Name = required;
        /// The cluster in which it has it.
        "cluster" cluster: Name = required;
        /// The load over time.
        "steps" steps: Vec<LoadStepSpec> = list 1..=100000;
    }
    check CpuLoadSpec::check_order;
}

section! {
    /// A CPU load from an instant on.
    pub struct LoadStepSpec {
        /// From when on; the first step is at 0s and holds in the warm-up, too.
        "at" at: Span = required, range "0s"..="366d";
        /// CPU that all pods together would use if no limit held them.
        "load" load: MilliCpu = required, range "0m"..="10000000";
    }
}

impl CpuLoadSpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        let mut report = |step: &LoadStepSpec, message: String, allowed: String| {
            let place = step.at.place.clone();
            cx.report(Diagnostic::error(Code::Contradiction, place, message).allowed(allowed));
        };
        if let Some(first) = self.steps.first()
            && *first.at != Span::ZERO
        {
            report(first, format!("the first step is at {}", *first.at), "0s".to_owned());
        }
        for pair in self.steps.windows(2) {
            if *pair[1].at <= *pair[0].at {
                let message = format!("{} follows {}", *pair[1].at, *pair[0].at);
                let allowed = format!("steps in rising order: after {}", *pair[0].at);
                report(&pair[1], message, allowed);
            }
        }
    }

    /// The steps as the engine takes them.
    #[must_use]
    pub fn steps(&self) -> Vec<LoadStep> {
        let step = |step: &LoadStepSpec| LoadStep { at: Time::ZERO + *step.at, load: *step.load };
        self.steps.iter().map(step).collect()
    }
}

/// A load from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadStep {
    /// From when on.
    pub at: Time,
    /// CPU that all pods together would use if no limit held them.
    pub load: MilliCpu,
}

/// The load of one deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// In rising order; the first holds before its instant, too. Empty: no load.
    pub steps: Vec<LoadStep>,
    /// What one pod uses at most.
    pub limit: Option<MilliCpu>,
    /// CPU of a busy worker, positive: converts the load into the busy time that controllers
    /// read.
    pub cpu_per_worker: MilliCpu,
}

/// The engine; see the module page.
#[derive(Debug)]
pub struct CpuLoads {
    now: Time,
    /// The next step of any deployment.
    next_step: Time,
    deployments: Vec<Load>,
    /// By pod; those that never served are absent or zero.
    pods: Vec<Share>,
    ledger: Ledger,
}

/// What the pods of one deployment use.
#[derive(Clone, Debug)]
struct Load {
    plan: LoadPlan,
    /// Steps that have begun.
    n_begun: usize,
    n_serving: u32,
    /// Busy time a second of each serving pod [1].
    pace: f64,
    /// Since when it holds.
    since: Time,
    /// Busy time until then of a pod that has served all the time [worker seconds].
    busy_s: f64,
}

/// What one pod has used.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// The deployment whose total it follows; None while it does not serve.
    serves: Option<DeploymentId>,
    /// The total at its start, while it serves; its own busy time afterwards [worker seconds].
    mark_s: f64,
}

impl CpuLoads {
    /// An engine at `start` in which no pod serves yet, for a run until `end`; loads by
    /// `DeploymentId`.
    #[must_use]
    pub fn new(plans: Vec<LoadPlan>, start: Time, end: Time) -> Self {
        let seconds = usize::try_from(end.as_secs_f64().ceil() as i64).unwrap_or(0);
        let ledger = Ledger::new(0, plans.len(), seconds, false);
        let load = |plan: LoadPlan| Load {
            n_begun: usize::from(!plan.steps.is_empty()),
            plan,
            n_serving: 0,
            pace: 0.0,
            since: start,
            busy_s: 0.0,
        };
        let deployments: Vec<Load> = plans.into_iter().map(load).collect();
        let mut loads =
            Self { now: start, next_step: start, deployments, pods: Vec::new(), ledger };
        loads.find_next_step();
        loads
    }

    fn find_next_step(&mut self) {
        let next = self.deployments.iter().filter_map(Load::next_step);
        self.next_step = next.min().unwrap_or(Time::NEVER);
    }

    fn share(&self, pod: PodId) -> Share {
        self.pods.get(pod.index()).copied().unwrap_or_default()
    }

    /// The pod serves no longer and keeps what it has used.
    fn stop(&mut self, pod: PodId) {
        if let Some(deployment) = self.share(pod).serves {
            let busy_s = self.busy_s(pod);
            self.pods[pod.index()] = Share { serves: None, mark_s: busy_s };
            let load = &mut self.deployments[deployment.index()];
            load.settle(self.now);
            load.n_serving -= 1;
            load.set_pace();
        }
    }
}

impl LoadPlan {
    /// Workers that the load keeps busy at the start of a run.
    #[must_use]
    pub fn busy_workers_at_start(&self) -> f64 {
        let load = self.steps.first().map_or(MilliCpu::ZERO, |step| step.load);
        // A workload without a load may use no CPU at all.
        if load == MilliCpu::ZERO { 0.0 } else { load.cores() / self.cpu_per_worker.cores() }
    }
}

impl Load {
    fn next_step(&self) -> Option<Time> {
        self.plan.steps.get(self.n_begun).map(|step| step.at)
    }

    /// The total at `now`.
    fn busy_at(&self, now: Time) -> f64 {
        self.busy_s + self.pace * (now - self.since).as_secs_f64()
    }

    /// Brings the total to `now`, before the pace changes.
    fn settle(&mut self, now: Time) {
        self.busy_s = self.busy_at(now);
        self.since = now;
    }

    fn set_pace(&mut self) {
        let step = self.n_begun.checked_sub(1).map(|begun| self.plan.steps[begun]);
        let load = step.map_or(0.0, |step| step.load.cores());
        let limit = self.plan.limit.map_or(f64::INFINITY, MilliCpu::cores);
        self.pace = match self.n_serving {
            0 => 0.0,
            n => (load / f64::from(n)).min(limit) / self.plan.cpu_per_worker.cores(),
        };
    }

    /// Begins the steps before `to`.
    fn step_before(&mut self, to: Time) {
        while let Some(at) = self.next_step().filter(|&at| at < to) {
            self.settle(at);
            self.n_begun += 1;
            self.set_pace();
        }
    }
}

impl Traffic for CpuLoads {
    fn now(&self) -> Time {
        self.now
    }

    fn advance(&mut self, to: Time, _routing: &Routing) -> Advance {
        assert!(self.now <= to, "time does not go back");
        if self.next_step < to {
            self.deployments.iter_mut().for_each(|load| load.step_before(to));
            self.find_next_step();
        }
        self.now = to;
        Advance { reached: to, slow_pod: None }
    }

    fn start_pod(&mut self, pod: PodId, deployment: DeploymentId) {
        self.stop(pod);
        let load = &mut self.deployments[deployment.index()];
        load.settle(self.now);
        load.n_serving += 1;
        load.set_pace();
        if self.pods.len() <= pod.index() {
            self.pods.resize(pod.index() + 1, Share::default());
        }
        self.pods[pod.index()] = Share { serves: Some(deployment), mark_s: load.busy_s };
    }

    fn kill_pod(&mut self, pod: PodId, _how: Kill) {
        self.stop(pod);
    }

    fn drain_pod(&mut self, pod: PodId) -> Time {
        self.stop(pod);
        self.now
    }

    fn sever_pod(&mut self, _pod: PodId, _how: Kill) {}

    /// A load has no work that could be done faster: it stays as it is.
    fn set_speed(&mut self, _pod: PodId, _speed: f64) {}

    fn virtual_wait_s(&self, pod: PodId) -> f64 {
        if self.share(pod).serves.is_some() { 0.0 } else { f64::INFINITY }
    }

    fn watch(&mut self, _pod: PodId, _threshold: Option<Span>) {}

    fn busy_s(&self, pod: PodId) -> f64 {
        let share = self.share(pod);
        match share.serves {
            Some(deployment) => {
                self.deployments[deployment.index()].busy_at(self.now) - share.mark_s
            }
            None => share.mark_s,
        }
    }

    fn in_flight(&self, _pod: PodId) -> u32 {
        0
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Time {
        Time::from_secs(s)
    }

    /// 4 cores, from 100 s on 10; a pod uses 1 core at most, a busy worker half a core.
    fn loads() -> CpuLoads {
        let step = |s, milli| LoadStep { at: at(s), load: MilliCpu::new(milli) };
        let plan = LoadPlan {
            steps: vec![step(0, 4_000), step(100, 10_000)],
            limit: Some(MilliCpu::new(1_000)),
            cpu_per_worker: MilliCpu::new(500),
        };
        CpuLoads::new(vec![plan], at(-10), at(200))
    }

    fn used(loads: &CpuLoads, pod: usize) -> f64 {
        loads.busy_s(PodId::new(pod)) * 0.5
    }

    fn advance(loads: &mut CpuLoads, s: i64) {
        let reached = loads.advance(at(s), &Routing::default());
        assert_eq!(reached, Advance { reached: at(s), slow_pod: None });
    }

    fn start(loads: &mut CpuLoads, pods: std::ops::Range<usize>) {
        pods.for_each(|pod| loads.start_pod(PodId::new(pod), DeploymentId::new(0)));
    }

    /// One row per rule: how many pods serve and for how long from -10 s on, and the CPU that
    /// each has used, in core seconds.
    #[test]
    fn pods_share_the_load_up_to_their_limit() {
        for (rule, n_pods, until, expected) in [
            ("the first step holds before 0 s", 8, 0, 5.0),
            ("a part below the limit", 8, 90, 50.0),
            ("exactly at the limit", 4, 90, 100.0),
            ("above it: the rest is lost", 2, 90, 100.0),
            ("the second step: 110 s of a half, 20 s at the limit", 8, 120, 75.0),
            ("a step belongs to the window that follows it", 8, 100, 55.0),
        ] {
            let mut loads = loads();
            start(&mut loads, 0..n_pods);
            advance(&mut loads, until);
            assert_eq!(used(&loads, 0), expected, "{rule}");
            assert_eq!(used(&loads, n_pods - 1), expected, "{rule}");
        }
    }

    /// The load of a pod that ends moves to the others at that instant, whichever way it ends; it
    /// keeps its own account until it starts again, from nothing.
    #[test]
    fn the_others_take_what_a_pod_leaves() {
        for how in 0..3 {
            let mut loads = loads();
            start(&mut loads, 0..8);
            advance(&mut loads, 0);
            let pod = PodId::new(7);
            match how {
                0 => loads.kill_pod(pod, Kill::Silent),
                1 => loads.kill_pod(pod, Kill::Reset),
                _ => assert_eq!(loads.drain_pod(pod), at(0)),
            }
            advance(&mut loads, 70);
            assert_eq!([0, 7].map(|pod| used(&loads, pod)), [5.0 + 40.0, 5.0]);
            assert_eq!(
                [0, 7].map(|pod| loads.virtual_wait_s(PodId::new(pod))),
                [0.0, f64::INFINITY]
            );
            loads.start_pod(pod, DeploymentId::new(0));
            assert_eq!(used(&loads, 7), 0.0);
            advance(&mut loads, 80);
            assert_eq!([0, 7].map(|pod| used(&loads, pod)), [50.0, 5.0]);
        }
    }

    /// A window cut anywhere, also at a step, gives the same bits.
    #[test]
    fn cuts_change_no_bit() {
        let run = |cuts: &[i64]| {
            let mut loads = loads();
            start(&mut loads, 0..7);
            cuts.iter().for_each(|&cut| advance(&mut loads, cut));
            loads.kill_pod(PodId::new(3), Kill::Reset);
            advance(&mut loads, 200);
            (0..8).map(|pod| loads.busy_s(PodId::new(pod)).to_bits()).collect::<Vec<_>>()
        };
        let whole = run(&[133]);
        assert_eq!(run(&[-3, 7, 99, 100, 101, 133]), whole);
        assert_eq!(run(&(-9..=133).collect::<Vec<_>>()), whole);
    }
}
