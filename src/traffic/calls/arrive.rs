//! Arriving: a request finds a gate, an endpoint, a pod, a worker, or fails at one of them.

use crate::model::ids::PodId;
use crate::sim::streams::below;
use crate::traffic::Kill;
use crate::traffic::gate::{GateLimit, Held, NOWHERE};
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::traffic::plan::Balancer;
use crate::traffic::routing::{DependencyFailure, OriginMode, Routing};

use super::pods::Pod;
use super::slab::Ref;
use super::visits::{End, Stage, Visit};
use super::wires::{Kind, Sent};
use super::{Calls, grey_of};

impl Calls {
    /// The limits of the window that begins now.
    pub(super) fn set_limits(&mut self, routing: &Routing) {
        let now_s = self.now.as_secs_f64();
        for (index, gate) in self.gates.iter_mut().enumerate() {
            gate.set(routing.gates.get(index).copied().unwrap_or(GateLimit::OPEN), now_s);
        }
    }

    /// A request reaches the end of its wire.
    pub(super) fn request_comes(&mut self, wire: usize, now_s: f64, routing: &Routing) {
        let sent = self.take_request(wire);
        if let Kind::Users(lane) = &self.wires[wire].kind {
            let cluster = lane.cluster as usize;
            match routing.origins[cluster] {
                OriginMode::Serving => {}
                OriginMode::Refused | OriginMode::ServerError => {
                    return self.put_answer(wire, sent.call, Some(Reason::OriginRefused), now_s);
                }
                // The edge or the client gives up.
                OriginMode::Hang => return,
            }
        }
        let Some(deployment) = self.wires[wire].deployment else {
            return self.put_answer(wire, sent.call, Some(Reason::NoReadyPod), now_s);
        };
        self.ledger.deployment_mut(deployment).arrived(now_s, 1);
        if self.fails_in_part(wire, &sent, now_s, routing) {
            return;
        }
        if let Some(reason) = self.refused(wire, deployment, &sent, now_s) {
            return self.fail_at(wire, &sent, AttemptFailure::Refused(reason), now_s);
        }
        let endpoints = &routing.endpoints[deployment];
        if endpoints.is_empty() {
            return self.fail_at(wire, &sent, AttemptFailure::NoPod, now_s);
        }
        let picked = self.pick(wire, deployment, endpoints, &sent, now_s);
        match self.pods.get(picked.index()) {
            Some(pod) if pod.runs() => self.serve(wire, &sent, picked, now_s, routing),
            _ => self.miss(wire, &sent, picked, now_s, routing),
        }
    }

    /// Whether an ingress that serves others fails this request.
    fn fails_in_part(&mut self, wire: usize, sent: &Sent, now_s: f64, routing: &Routing) -> bool {
        let Kind::Users(lane) = &self.wires[wire].kind else { return false };
        let Some(grey) = grey_of(routing, lane.cluster as usize) else { return false };
        let fails = grey.fails(lane.grey_stream.at(sent.key));
        if fails && !grey.hangs {
            self.put_answer(wire, sent.call, Some(Reason::OriginRefused), now_s);
        }
        fails
    }

    /// Why a request does not get through the gates, if it does not. Calls within a cluster do
    /// not pass its gateway.
    fn refused(
        &mut self,
        wire: usize,
        deployment: usize,
        sent: &Sent,
        now_s: f64,
    ) -> Option<Reason> {
        let by_users = self.wires[wire].is_of_users();
        for (index, pass) in &self.passes[deployment] {
            let gate = &mut self.gates[*index];
            let passes = by_users || gate.reason != Reason::GatewayFull;
            if !passes || !pass.users.contains(sent.part.bits) {
                continue;
            }
            let visits = &self.visits;
            if !gate.admit(now_s, (pass.cost, pass.places), |slot| visits.generation(slot)) {
                return Some(gate.reason);
            }
            if let Some(lasts) = pass.lasts.filter(|_| gate.counts) {
                let until_s = now_s + lasts.as_secs_f64();
                gate.hold(Held { until_s, pod: NOWHERE, placing: 0, places: pass.places });
            }
        }
        None
    }

    /// The pod for a request, by any balancer.
    fn pick(
        &mut self,
        wire: usize,
        deployment: usize,
        endpoints: &[PodId],
        sent: &Sent,
        now_s: f64,
    ) -> PodId {
        let draw = self.wires[wire].pod_stream.at(sent.key);
        let pods = &mut self.pods;
        let mut load =
            |pod: PodId| pods.get_mut(pod.index()).map_or(0, |pod| pod.outstanding(now_s));
        match self.deployments[deployment].balancer {
            Balancer::Random => endpoints[below(draw, endpoints.len())],
            Balancer::RoundRobin => {
                let turn = &mut self.deployments[deployment].turn;
                let this = if *turn < endpoints.len() { *turn } else { 0 };
                *turn = this + 1;
                endpoints[this]
            }
            Balancer::PowerOfTwo => {
                let first = below(draw & !0xFFFF_FFFF, endpoints.len());
                // The second is another one, where there is another.
                let step = 1 + below(draw << 32, (endpoints.len() - 1).max(1));
                let [first, second] = [first, (first + step) % endpoints.len()];
                let [first, second] = [endpoints[first], endpoints[second]];
                if load(first) <= load(second) { first } else { second }
            }
            Balancer::LeastOutstanding => {
                let loads = endpoints.iter().map(|&pod| (load(pod), pod));
                loads.min_by_key(|(load, _)| *load).expect("there are endpoints").1
            }
        }
    }

    /// A request at a pod that does not serve. The rule is that of the engine of single requests.
    #[cold]
    fn miss(&mut self, wire: usize, sent: &Sent, picked: PodId, now_s: f64, routing: &Routing) {
        let deployment = self.wires[wire].deployment.expect("endpoints have one");
        let gone = self.pods.get_mut(picked.index());
        let how = gone.as_ref().map_or(Kill::Reset, |pod| pod.gone());
        let left = gone.map_or(0, |pod| {
            let left = pod.stale_failures;
            pod.stale_failures = if left == u32::MAX { left } else { left.saturating_sub(1) };
            left
        });
        let current = routing.current(deployment);
        let is_stale = routing.endpoints[deployment][current.len()..].contains(&picked);
        if !is_stale || (how == Kill::Silent && 0 < left) {
            if how == Kill::Silent
                && let Some(gone) = self.pods.get_mut(picked.index())
            {
                gone.unanswered_s.push(sent.give_up_s);
            }
            return self.fail_at(wire, sent, AttemptFailure::Lost(how), now_s);
        }
        if current.is_empty() {
            return self.fail_at(wire, sent, AttemptFailure::NoPod, now_s);
        }
        let draw = self.wires[wire].pod_stream.at(sent.key);
        let other = current[below(draw << 32, current.len())];
        match self.pods.get(other.index()) {
            Some(pod) if pod.runs() => self.serve(wire, sent, other, now_s, routing),
            gone => {
                let how = gone.map_or(Kill::Reset, Pod::gone);
                self.fail_at(wire, sent, AttemptFailure::Lost(how), now_s);
            }
        }
    }

    /// A request at its pod, which runs, with what its dependencies do to it.
    fn serve(&mut self, wire: usize, sent: &Sent, picked: PodId, now_s: f64, routing: &Routing) {
        if self.sheds(picked.index(), sent.part.criticality, now_s) {
            return self.fail_at(wire, sent, AttemptFailure::Refused(Reason::Shed), now_s);
        }
        let deployment = self.pods[picked.index()].deployment;
        let draw = self.wires[wire].service_stream.at(sent.key);
        let mut work_s = self.deployments[deployment].sampler.draw(draw);
        let mut end = End::Answer;
        let effects = routing.dependencies.get(deployment);
        if let Some(effects) = effects.filter(|effects| !effects.is_nothing()) {
            let effect = if sent.part.writes { &effects.writes } else { &effects.reads };
            work_s = work_s * effect.slower + effect.added_s;
            match effect.failing {
                DependencyFailure::None => {}
                DependencyFailure::Refused => {
                    let failure = AttemptFailure::Refused(Reason::Dependency);
                    return self.fail_at(wire, sent, failure, now_s);
                }
                DependencyFailure::Hangs { held_s } => {
                    (work_s, end) = (held_s, End::Unanswered);
                    if let Some(call) = self.calls.get_mut(sent.call) {
                        call.ends_by = Reason::Dependency;
                    }
                }
            }
        }
        self.place(wire, sent, picked.index(), (work_s, end), now_s);
    }

    /// A request takes a worker or a place in the queue.
    fn place(
        &mut self,
        wire: usize,
        sent: &Sent,
        pod_index: usize,
        (work_s, end): (f64, End),
        now_s: f64,
    ) {
        let pod = &mut self.pods[pod_index];
        let (deployment, waits) = (pod.deployment, !pod.has_free_worker());
        if waits && self.deployments[deployment].queue <= pod.queue.len() {
            return self.fail_at(wire, sent, AttemptFailure::QueueFull, now_s);
        }
        let watched = pod.threshold_s < f64::INFINITY;
        let before_s = if watched { pod.wait_s(now_s) } else { 0.0 };
        let call = self.calls.get_mut(sent.call);
        let awaited = call.is_some() && now_s < sent.give_up_s;
        let name = self.visits.insert(Visit {
            call: sent.call,
            awaited,
            wire,
            deployment,
            pod: pod_index,
            stage: Stage::Queued,
            end,
            key: sent.key,
            part: sent.part,
            arrival_s: now_s,
            start_s: now_s,
            work_s,
            // A caller that is gone before its time waits no longer.
            give_up_s: if awaited { sent.give_up_s } else { sent.give_up_s.min(now_s) },
            counted_until_s: sent.give_up_s,
            counted: 0,
            calling_since_s: now_s,
            next_call: 0,
            repeat: 0,
            n_open: 0,
            first_open: Ref::NONE,
        });
        if let Some(call) = call {
            call.visit = name;
        }
        pod.n_visits += 1;
        pod.accepted += 1;
        pod.n_outstanding += usize::from(awaited);
        if !self.passes[deployment].is_empty() {
            self.enter_gates(name, now_s);
        }
        if waits {
            self.pods[pod_index].enqueue(name, work_s);
        } else {
            self.start(name, now_s);
        }
        if watched {
            let pod = &self.pods[pod_index];
            if before_s <= pod.threshold_s && pod.threshold_s < pod.wait_s(now_s) {
                self.slow_pod = Some(PodId::new(pod_index));
            }
        }
    }

    /// A request that the deployment cannot serve.
    #[cold]
    fn fail_at(&mut self, wire: usize, sent: &Sent, failure: AttemptFailure, now_s: f64) {
        let deployment = self.wires[wire].deployment.expect("only a deployment refuses");
        self.ledger.deployment_mut(deployment).failed(now_s, failure);
        let reason = match failure {
            AttemptFailure::NoPod => Reason::NoReadyPod,
            AttemptFailure::QueueFull => Reason::QueueFull,
            AttemptFailure::Refused(reason) => reason,
            AttemptFailure::Lost(_) | AttemptFailure::Dropped => Reason::PodLost,
        };
        if let AttemptFailure::Lost(Kill::Silent) = failure {
            self.hold_until_given_up(wire, deployment, sent, now_s);
            if let Some(call) = self.calls.get_mut(sent.call) {
                call.ends_by = reason;
            }
        } else {
            self.put_answer(wire, sent.call, Some(reason), now_s);
        }
    }
}
