//! Wires: the ways of users and of calls to a deployment, and back.

use std::collections::VecDeque;

use crate::sim::streams::Stream;

use crate::traffic::ledger::Reason;
use crate::traffic::plan::TrafficPlan;
use crate::traffic::requests::Lane;
use crate::traffic::retries::{Backoff, Bucket};

use super::Calls;
use super::callers::Call;
use super::criticality::Criticality;
use super::plan::{CallGraph, CallPlan};
use super::pods::Deployment;
use super::slab::{Ref, Slab};
use super::timers::Due;

/// The way of callers of one kind to one deployment. Latency is constant, so what is on it
/// arrives in the order in which it was sent.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) one_way_s: f64,
    pub(super) deployment: Option<usize>,
    pub(super) kind: Kind,
    /// Whether a limit, a circuit breaker or a retry budget stands before it.
    pub(super) is_guarded: bool,
    pub(super) backoff: Backoff,
    pub(super) pod_stream: Stream,
    pub(super) service_stream: Stream,
    pub(super) requests: VecDeque<Sent>,
    pub(super) answers: VecDeque<Answer>,
    /// Attempts whose time is running, by its end; those answered since may still be there.
    waits: VecDeque<Wait>,
    /// When to look at the first of them [s]: no later than it ends.
    look_s: f64,
}

/// An attempt whose time is running.
#[derive(Clone, Copy, Debug)]
struct Wait {
    until_s: f64,
    call: Ref,
}

/// Who sends on a wire.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Users, by way of an ingress.
    Users(Box<Lane>),
    /// Requests of a deployment.
    Calls(Box<CallRules>),
}

/// A call as the engine makes it.
#[derive(Clone, Debug)]
pub(super) struct CallRules {
    pub(super) plan: CallPlan,
    /// Its number among the calls of its caller.
    pub(super) number: usize,
    /// One for each of `count`: whether the call is made, and its key.
    pub(super) streams: Vec<Stream>,
    /// Drawn bits below this make the call.
    pub(super) below: u64,
    pub(super) timeout_s: f64,
    /// The retry budget of a fresh caller pod.
    pub(super) budget: Option<Bucket>,
}

/// A request on its way to a deployment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) arrival_s: f64,
    pub(super) call: Ref,
    pub(super) key: u64,
    pub(super) give_up_s: f64,
    /// To which part of the users the request belongs that all this is for.
    pub(super) part: UserBits,
}

/// What decides to which part of the users a request belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct UserBits {
    pub(super) bits: u32,
    pub(super) writes: bool,
    /// None for probes.
    pub(super) criticality: Option<Criticality>,
}

/// An answer on its way to the caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) time_s: f64,
    pub(super) call: Ref,
    pub(super) failed: Option<Reason>,
}

/// All wires, and the deployments at their ends.
pub(super) fn of(plan: &TrafficPlan, graph: &CallGraph) -> (Vec<Wire>, Vec<Deployment>) {
    let mut wires: Vec<Wire> = Vec::new();
    for (index, demand) in plan.demands.iter().enumerate() {
        for cluster in 0..plan.n_clusters {
            let lane = Lane::new(plan, index, demand, cluster);
            let stream = Stream::new(plan.seed, plan.trial, "back-off", &demand.name);
            wires.push(Wire {
                one_way_s: lane.one_way_s,
                deployment: lane.deployment.map(|deployment| deployment as usize),
                backoff: Backoff::new(&demand.retries, stream),
                pod_stream: lane.pod_stream,
                service_stream: lane.service_stream,
                kind: Kind::Users(Box::new(lane)),
                is_guarded: false,
                requests: VecDeque::new(),
                answers: VecDeque::new(),
                waits: VecDeque::new(),
                look_s: f64::INFINITY,
            });
        }
    }
    let mut deployments: Vec<Deployment> = plan.deployments.iter().map(Deployment::new).collect();
    for (caller, rules) in graph.callers().iter().enumerate() {
        let deployment = &mut deployments[caller];
        deployment.holds_worker = rules.holds_worker;
        for (number, call) in rules.calls.iter().enumerate() {
            deployment.calls.push(wires.len());
            wires.push(Wire::of_call(plan, call, number));
        }
    }
    for index in 0..deployments.len() {
        let bound_s = hold_bound_s(&deployments, &wires, index);
        deployments[index].hold_bound_s = bound_s;
    }
    (wires, deployments)
}

impl Wire {
    fn of_call(plan: &TrafficPlan, call: &CallPlan, number: usize) -> Self {
        assert!(0 < call.count, "{}: a call is made at least once", call.name);
        let stream = |purpose| Stream::new(plan.seed, plan.trial, purpose, &call.name);
        let draws = stream("call");
        let start_s = plan.start.as_secs_f64();
        let rules = CallRules {
            plan: call.clone(),
            number,
            streams: (0..u64::from(call.count)).map(|n| draws.substream(n)).collect(),
            below: (call.probability.get().clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64,
            timeout_s: call.timeout.as_secs_f64(),
            budget: call.retries.budget.map(|budget| Bucket::new(budget, start_s)),
        };
        let CallPlan { max_concurrent, breaker, retries, .. } = call;
        Self {
            is_guarded: max_concurrent.is_some() || breaker.is_some() || retries.budget.is_some(),
            one_way_s: call.round_trip.as_secs_f64() / 2.0,
            deployment: Some(call.to.index()),
            backoff: Backoff::new(&call.retries, stream("back-off")),
            pod_stream: stream("pod"),
            service_stream: stream("service"),
            kind: Kind::Calls(Box::new(rules)),
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            waits: VecDeque::new(),
            look_s: f64::INFINITY,
        }
    }

    pub(super) fn rules(&self) -> &CallRules {
        match &self.kind {
            Kind::Calls(rules) => rules,
            Kind::Users(_) => unreachable!("asked for the wires of calls only"),
        }
    }

    pub(super) fn lane(&self) -> &Lane {
        match &self.kind {
            Kind::Users(lane) => lane,
            Kind::Calls(_) => unreachable!("asked for the wires of users only"),
        }
    }

    pub(super) const fn is_of_users(&self) -> bool {
        matches!(self.kind, Kind::Users(_))
    }
}

/// No request of a deployment waits longer for its calls than this, by their time-outs [s].
fn hold_bound_s(deployments: &[Deployment], wires: &[Wire], deployment: usize) -> f64 {
    let calls = deployments[deployment].calls.iter().map(|wire| &wires[*wire]);
    calls
        .map(|wire| {
            let rules = wire.rules();
            let repeats = if rules.plan.parallel { 1 } else { rules.plan.count };
            f64::from(repeats) * wire.backoff.longest_s(rules.timeout_s)
        })
        .sum()
}

/// Forgets the attempts in front that have been answered.
fn drop_answered(waits: &mut VecDeque<Wait>, calls: &Slab<Call>) {
    while waits.front().is_some_and(|first| !calls.is_live(first.call)) {
        waits.pop_front();
    }
}

impl Calls {
    /// A request is on its way.
    #[inline]
    pub(super) fn put_request(&mut self, wire: usize, sent: Sent) {
        let requests = &mut self.wires[wire].requests;
        requests.push_back(sent);
        if requests.len() == 1 {
            self.sources.set(self.wires.len() + wire, sent.arrival_s);
        }
    }

    #[inline]
    pub(super) fn take_request(&mut self, wire: usize) -> Sent {
        let requests = &mut self.wires[wire].requests;
        let first = requests.pop_front().expect("an event is for the first request of a wire");
        let next_s = requests.front().map_or(f64::INFINITY, |next| next.arrival_s);
        self.sources.set(self.wires.len() + wire, next_s);
        first
    }

    /// An answer is on its way to the caller, if somebody still waits for it.
    #[inline]
    pub(super) fn put_answer(
        &mut self,
        wire: usize,
        call: Ref,
        failed: Option<Reason>,
        now_s: f64,
    ) {
        if self.calls.is_live(call) {
            let Wire { one_way_s, answers, .. } = &mut self.wires[wire];
            let time_s = now_s + *one_way_s;
            answers.push_back(Answer { time_s, call, failed });
            if answers.len() == 1 {
                self.sources.set(wire, time_s);
            }
        }
    }

    #[inline]
    pub(super) fn take_answer(&mut self, wire: usize) -> Answer {
        let answers = &mut self.wires[wire].answers;
        let first = answers.pop_front().expect("an event is for the first answer of a wire");
        let next_s = answers.front().map_or(f64::INFINITY, |next| next.time_s);
        self.sources.set(wire, next_s);
        first
    }

    /// The time of an attempt runs until `until_s`. Where all attempts of a wire have the same
    /// time, they end in the order in which they were sent, and nearly all are answered before:
    /// a queue costs less than a timer for each. The others get one.
    #[inline]
    pub(super) fn put_wait(&mut self, wire: usize, call: Ref, until_s: f64, now_s: f64) {
        let Wire { waits, look_s, .. } = &mut self.wires[wire];
        let out_of_turn =
            |waits: &VecDeque<Wait>| waits.back().is_some_and(|last| until_s < last.until_s);
        if waits.len() == waits.capacity() || out_of_turn(waits) {
            drop_answered(waits, &self.calls);
            if out_of_turn(waits) {
                return self.set_timer(until_s, Due::GiveUp(call), now_s);
            }
        }
        waits.push_back(Wait { until_s, call });
        if until_s < *look_s {
            *look_s = until_s;
            self.sources.set(2 * self.wires.len() + wire, until_s);
        }
    }

    /// It is time to look at the first wait of a wire: the attempt that ends now, if one does.
    pub(super) fn take_wait(&mut self, wire: usize, now_s: f64) -> Option<Ref> {
        let Wire { waits, look_s, .. } = &mut self.wires[wire];
        drop_answered(waits, &self.calls);
        let ends = |first: &Wait| first.until_s <= now_s;
        let ended = if waits.front().is_some_and(ends) { waits.pop_front() } else { None };
        *look_s = waits.front().map_or(f64::INFINITY, |next| next.until_s);
        let next_s = *look_s;
        self.sources.set(2 * self.wires.len() + wire, next_s);
        ended.map(|ended| ended.call)
    }
}
