//! Ends from outside: kills, drains, lost connections, and changes of speed.

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, nanos};
use crate::units::Time;

use super::Calls;
use super::pods::{Pod, Process};
use super::slab::Ref;
use super::visits::{Stage, Visit};

impl Calls {
    /// The process of a pod ends now.
    pub(super) fn kill(&mut self, pod_index: usize, how: Kill) {
        let now_s = self.now.as_secs_f64();
        let Some(pod) = self.pods.get_mut(pod_index) else { return };
        let ran = !matches!(pod.process, Process::Gone(_));
        pod.process = Process::Gone(how);
        if !ran {
            return;
        }
        pod.stale_failures = self.deployments[pod.deployment].stale_failures;
        let deployment = pod.deployment;
        for name in self.visits.names(|visit| visit.pod == pod_index) {
            self.ledger.deployment_mut(deployment).failed(now_s, AttemptFailure::Lost(how));
            self.drop_calls(name, now_s);
            self.lose(name, how, now_s);
            if how == Kill::Silent {
                self.hold_unanswered(name, now_s);
                let give_up_s = self.visits[name].give_up_s;
                self.pods[pod_index].unanswered_s.push(give_up_s);
            }
            let Visit { stage, start_s, .. } = self.visits[name];
            if stage == Stage::Working {
                self.pods[pod_index].done_ns += nanos((now_s - start_s).max(0.0));
            }
            self.leave(name, now_s);
        }
        self.pods[pod_index].clear();
        self.set_finish(pod_index);
    }

    /// The process of a pod takes nothing new; returns when it will have finished what it has, at
    /// the latest: by then every call has been answered or given up.
    pub(super) fn drain(&mut self, pod_index: usize) -> Time {
        let Some(pod) = self.pods.get_mut(pod_index) else { return self.now };
        if matches!(pod.process, Process::Gone(_)) {
            return self.now;
        }
        pod.process = Process::Drains;
        if pod.n_visits == 0 {
            return self.now;
        }
        let now_s = self.now.as_secs_f64();
        let bound_s = self.deployments[pod.deployment].hold_bound_s;
        let last_s = now_s + pod.longest_s(&self.visits, now_s, bound_s);
        // One nanosecond later the last of it lies before now.
        Time::from_nanos((last_s * 1e9).ceil() as i64 + 1).max(self.now)
    }

    /// Every caller of the pod's requests loses its connection; the pod works on, for nobody.
    pub(super) fn sever(&mut self, pod_index: usize, how: Kill) {
        let now_s = self.now.as_secs_f64();
        for name in self.visits.names(|visit| visit.pod == pod_index) {
            self.lose(name, how, now_s);
            let Visit { wire, call, .. } = self.visits[name];
            if let Some(call) = self.calls.get_mut(call) {
                call.visit = Ref::NONE;
            }
            self.visits[name].call = Ref::NONE;
            let one_way_s = self.wires[wire].one_way_s;
            self.cancel(name, one_way_s, now_s);
        }
    }

    /// From now on a second of work takes the pod `slowness` seconds.
    pub(super) fn change_speed(&mut self, pod_index: usize, slowness: f64) {
        let now_s = self.now.as_secs_f64();
        let Some(pod) = self.pods.get_mut(pod_index) else { return };
        if matches!(pod.process, Process::Gone(_)) || pod.slowness == slowness {
            return;
        }
        let on_timeout = self.deployments[pod.deployment].on_timeout;
        let (old, since_s) = (pod.slowness, pod.slowness_since_s);
        for (done_s, name) in &mut pod.working {
            let visit = &mut self.visits[*name];
            visit.work_s -= (now_s - visit.start_s.max(since_s)) / old;
            let finish_s = now_s + visit.work_s.max(0.0) * slowness;
            let learns_s = visit.give_up_s + self.wires[visit.wire].one_way_s;
            *done_s = visit.done_s(finish_s, on_timeout, learns_s);
        }
        pod.slowness = slowness;
        pod.slowness_since_s = now_s;
        self.set_finish(pod_index);
    }
}

impl Pod {
    /// How long the pod is busy with what it has, at the longest, if no request waits longer for
    /// its calls than `bound_s` [s].
    fn longest_s(&self, visits: &super::slab::Slab<Visit>, now_s: f64, bound_s: f64) -> f64 {
        let begun_s = self.working.iter().map(|(done_s, _)| done_s - now_s).fold(0.0, f64::max);
        let each = self.queue.iter().map(|name| visits[*name].work_s * self.slowness + bound_s);
        // Some worker is always at the queue until it is empty.
        begun_s + bound_s + each.sum::<f64>()
    }
}
