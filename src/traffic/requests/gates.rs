//! Gates in front of the pods: who passes which, and what of it is in progress.
//!
//! A request that a gate counts has a flag in its pod's ring, so that what is placed again after
//! a change of speed is held again, and what is lost is forgotten.

use crate::traffic::gate::{Gate, GateLimit, GatePlan, GateReading, Held, NOWHERE, Pass, UserPart};
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::traffic::pods::Pod;
use crate::traffic::ring::{Entry, FINISHED};
use crate::traffic::routing::Routing;
use crate::units::Span;

use super::arrive::{Arriving, Head};
use super::{Attempt, Requests};

/// Flags of entries above it say which gates count them, by place in the deployment's passes.
const FIRST_HOLD: u16 = 1 << 8;

/// Gates that one deployment may pass.
const PASSES_MAX: usize = 8;

/// A gate that the requests of a deployment have to pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing {
    gate: usize,
    cost: f64,
    places: u32,
    /// For how long a request takes its places, if not until it ends [s].
    lasts_s: Option<f64>,
    users: UserPart,
    /// Set in the entries of requests that the gate counts until they end; 0 if it counts none.
    hold: u16,
}

/// The gates of each deployment, in the order of the plan.
pub(super) fn passings(gates: &[GatePlan], n_deployments: usize) -> Vec<Vec<Passing>> {
    let mut passings = vec![Vec::new(); n_deployments];
    for (gate, plan) in gates.iter().enumerate() {
        for pass in &plan.passes {
            assert!(0.0 < pass.cost && pass.cost.is_finite(), "a request costs something");
            let mine: &mut Vec<_> = &mut passings[pass.deployment.index()];
            assert!(mine.len() < PASSES_MAX, "a request passes at most {PASSES_MAX} gates");
            let Pass { cost, places, users, .. } = *pass;
            let lasts_s = pass.lasts.map(Span::as_secs_f64);
            let counts = plan.counts_in_progress && lasts_s.is_none();
            let hold = if counts { FIRST_HOLD << mine.len() } else { 0 };
            mine.push(Passing { gate, cost, places, lasts_s, users, hold });
        }
    }
    passings
}

/// When a request in a pod is no longer in progress for a gate.
fn held_until_s(entry: &Entry) -> f64 {
    entry.finish_s.min(entry.give_up_s)
}

fn placing_of(pods: &[Pod]) -> impl Fn(u32) -> u32 + '_ {
    |pod| pods.get(pod as usize).map_or(0, |pod| pod.placing)
}

impl Requests {
    /// The limits of the window that begins now.
    pub(super) fn set_limits(&mut self, routing: &Routing) {
        let now_s = self.now.as_secs_f64();
        for (index, gate) in self.gates.iter_mut().enumerate() {
            gate.set(routing.gates.get(index).copied().unwrap_or(GateLimit::OPEN), now_s);
        }
    }

    /// What has come to a gate.
    pub(super) fn gate_reading(&self, gate: usize) -> GateReading {
        self.gates[gate].reading(self.now.as_secs_f64(), placing_of(&self.pods))
    }

    /// What the pod has in progress is forgotten, before it is lost or placed anew.
    pub(super) fn forget_held(&mut self, pod_index: usize) {
        let now_s = self.now.as_secs_f64();
        for gate in self.gates.iter_mut().filter(|gate| gate.counts) {
            gate.let_go(now_s, placing_of(&self.pods));
        }
        let pod = &mut self.pods[pod_index];
        let passings = &self.passings[pod.deployment as usize];
        for passing in passings.iter().filter(|passing| passing.hold != 0) {
            let held = |entry: &&Entry| entry.has(passing.hold) && !entry.has(FINISHED);
            let lasting = pod.ring.iter().filter(held);
            for _ in lasting.filter(|entry| now_s < held_until_s(entry)) {
                self.gates[passing.gate].forget(passing.places);
            }
        }
        pod.placing += 1;
    }

    /// Requests that nobody will answer any more stay in progress until their time-out.
    pub(super) fn hold_lost(&mut self, deployment: usize, lost: &[Entry]) {
        let now_s = self.now.as_secs_f64();
        for passing in self.passings[deployment].iter().filter(|passing| passing.hold != 0) {
            let held = lost.iter().filter(|entry| entry.has(passing.hold));
            for entry in held.filter(|entry| now_s < entry.give_up_s) {
                let (until_s, places) = (entry.give_up_s, passing.places);
                let held = Held { until_s, pod: NOWHERE, placing: 0, places };
                self.gates[passing.gate].hold(held);
            }
        }
    }

    /// What the pod has in progress is held as it is placed now.
    pub(super) fn hold_again(&mut self, pod_index: usize) {
        let now_s = self.now.as_secs_f64();
        let pod = &self.pods[pod_index];
        for passing in self.passings[pod.deployment as usize].iter().filter(|p| p.hold != 0) {
            let held = |entry: &&Entry| entry.has(passing.hold) && !entry.has(FINISHED);
            for entry in pod.ring.iter().filter(held) {
                let until_s = held_until_s(entry);
                if now_s < until_s {
                    let (pod, placing, places) = (pod_index as u32, pod.placing, passing.places);
                    self.gates[passing.gate].hold(Held { until_s, pod, placing, places });
                }
            }
        }
    }
}

impl Arriving<'_> {
    /// Why an attempt does not get through the gates, if it does not.
    pub(super) fn refused(&mut self, head: &Head<'_>, attempt: &Attempt) -> Option<Reason> {
        for passing in head.passings {
            if !passing.users.contains(head.lane.part_bits(attempt.key)) {
                continue;
            }
            let gate: &mut Gate = &mut self.gates[passing.gate];
            let takes = (passing.cost, passing.places);
            if !gate.admit(attempt.arrival_s, takes, placing_of(self.pods)) {
                return Some(gate.reason);
            }
            if let Some(lasts_s) = passing.lasts_s.filter(|_| gate.counts) {
                let until_s = attempt.arrival_s + lasts_s;
                gate.hold(Held { until_s, pod: NOWHERE, placing: 0, places: passing.places });
            }
        }
        None
    }

    /// An attempt that a gate refused.
    #[cold]
    pub(super) fn turn_back(&mut self, head: &Head<'_>, attempt: &Attempt, reason: Reason) {
        self.fail_at(head, attempt, AttemptFailure::Refused(reason));
    }

    /// Counts an attempt in progress that is in `pod` from now until `until_s`; gives its flags.
    pub(super) fn hold(
        &mut self,
        head: &Head<'_>,
        attempt: &Attempt,
        pod: u32,
        until_s: f64,
    ) -> u16 {
        let mut flags = 0;
        if until_s <= attempt.arrival_s {
            return flags;
        }
        let placing = placing_of(self.pods)(pod);
        for passing in head.passings.iter().filter(|passing| passing.hold != 0) {
            if passing.users.contains(head.lane.part_bits(attempt.key)) {
                let places = passing.places;
                self.gates[passing.gate].hold(Held { until_s, pod, placing, places });
                flags |= passing.hold;
            }
        }
        flags
    }

    /// Counts an attempt in progress that nobody will answer.
    pub(super) fn hold_unanswered(&mut self, head: &Head<'_>, attempt: &Attempt) {
        self.hold(head, attempt, NOWHERE, attempt.give_up_s);
    }
}
