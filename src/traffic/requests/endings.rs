//! Softer endings than a kill: a process that drains, and clients that lose their connection.

use crate::traffic::Kill;
use crate::traffic::pods::Process;
use crate::traffic::ring::{BOOKED, Entry, FINISHED};
use crate::units::Time;

use super::Requests;
use super::settle::settle;

impl Requests {
    /// The process of a pod takes nothing new; returns when it will have finished what it has.
    pub(super) fn drain(&mut self, pod_index: usize) -> Time {
        let Some(pod) = self.pods.get_mut(pod_index) else { return self.now };
        if pod.process == Process::Gone(Kill::Reset) || pod.process == Process::Gone(Kill::Silent) {
            return self.now;
        }
        pod.process = Process::Drains;
        let unfinished = pod.unfinished(self.now.as_secs_f64());
        let last_s = unfinished.map(|entry| entry.finish_s).fold(f64::NEG_INFINITY, f64::max);
        // One nanosecond later the last finish lies before now and is booked.
        let done = Time::from_nanos((last_s * 1e9).ceil() as i64 + 1);
        if last_s.is_finite() { done.max(self.now) } else { self.now }
    }

    /// Every client of the pod's requests loses its connection; the pod works on, for nobody.
    pub(super) fn sever(&mut self, pod_index: usize, how: Kill) {
        let now_s = self.now.as_secs_f64();
        if self.pods.len() <= pod_index {
            return;
        }
        self.forget_held(pod_index);
        let pod = &mut self.pods[pod_index];
        settle(pod, &self.lanes, &mut self.ledger, now_s);
        if self.deployments[pod.deployment as usize].balancer.counts_outstanding() {
            // Requests whose clients are gone count until they would have left.
            pod.list_leaves(now_s);
        }
        let mut severed: Vec<Entry> = Vec::new();
        for index in pod.ring.head..pod.ring.tail {
            let entry = pod.ring.get_mut(index);
            // An answer that has left the pod arrives, as after a kill.
            if !entry.has(BOOKED | FINISHED) {
                severed.push(*entry);
                entry.flags |= BOOKED;
                // What is served from now on is served for nobody.
                entry.give_up_s = entry.give_up_s.min(now_s);
            }
        }
        self.hold_again(pod_index);
        for entry in severed {
            self.lose(&entry, how, now_s);
        }
        self.arm_again(pod_index);
    }
}
