//! The edge: users send and try again, and attempts reach a deployment or fail on their way.
//!
//! What happens here takes no time of a pod, so it goes on in steps of its own: to every change of
//! the routes, and within a step of the pods in rounds, each of which tries again what failed in
//! the one before. So a retry that is due within a step is sent in it, by the routes of its time.
//! Attempts that find no pod, or one that is gone, have failed here too.

use crate::traffic::ledger::Reason;
use crate::traffic::routing::OriginMode;
use crate::units::Time;

use super::sends::{self, Cohort, Moving, Release};
use super::{Flow, pop_sets};

impl Flow {
    /// Everything at the edge up to `to`, within a whole second. What reaches a deployment stays
    /// there for its step.
    pub(super) fn go_on_at_edge(&mut self, to: Time) {
        let (from_s, to_s) = (self.sent_until.as_secs_f64(), to.as_secs_f64());
        if to <= self.sent_until {
            return;
        }
        self.send_first(from_s, to_s);
        // Attempts are limited, so there is a last round.
        loop {
            self.arrive(to_s);
            self.notice(to_s);
            if !self.send_again(to_s) {
                break;
            }
        }
        self.sent_until = to;
        self.told_from_s = to_s;
    }

    /// Users send.
    fn send_first(&mut self, from_s: f64, to_s: f64) {
        for index in 0..self.n_users {
            let (n, mean) = self.demands[index].fresh.send(from_s, to_s);
            self.demands[index].open_budget(n, (from_s, to_s));
            self.ledger.offered(index, from_s, n as u32);
            let middle_s = 0.5 * (from_s + to_s);
            let cohort = Cohort {
                lane: (index * self.n_clusters) as u16,
                attempt: 0,
                pops: pop_sets::ALL,
                first_s: middle_s,
                send_s: middle_s,
                width_s: to_s - from_s,
                lag_s: 0.0,
                n,
                mean,
            };
            if 0 < n || 0.0 < mean {
                self.dispatch(index, &Moving { cohort, from_s, to_s });
            }
        }
    }

    /// Sends the retries that are due before `to_s`; whether there were any.
    fn send_again(&mut self, to_s: f64) -> bool {
        let mut any = false;
        for index in 0..self.demands.len() {
            if self.demands[index].releases.is_empty() {
                continue;
            }
            let mut due = std::mem::take(&mut self.due_releases);
            let refused = self.demands[index].due_retries(to_s, &mut self.draws, &mut due);
            any |= !due.is_empty();
            self.deny(index, &mut due, refused);
            for release in due.drain(..).filter(|release| 0 < release.n) {
                let Release { from_s, to_s, .. } = release;
                let cohort = Cohort {
                    lane: self.demands[index].first_lane as u16,
                    attempt: release.attempt,
                    pops: release.pops,
                    first_s: release.first_s,
                    send_s: 0.5 * (from_s + to_s),
                    width_s: to_s - from_s,
                    lag_s: release.lag_s,
                    n: release.n,
                    mean: release.n as f64,
                };
                let moving = Moving { cohort, from_s, to_s };
                if index < self.n_users {
                    self.ledger.retried_many(index, release.first_s, release.n);
                    self.dispatch(index, &moving);
                } else {
                    self.lanes[usize::from(cohort.lane)].moving.push_back(moving);
                }
            }
            self.due_releases = due;
        }
        any
    }

    /// A cohort takes the ways of its edge locations; without an origin it fails at the edge.
    fn dispatch(&mut self, index: usize, sent: &Moving) {
        let first_lane = index * self.n_clusters;
        let lanes = &mut self.lanes[first_lane..first_lane + self.n_clusters];
        let demand = &mut self.demands[index];
        let mut nowhere = std::mem::take(&mut self.nowhere);
        sends::route(demand, lanes, sent, &mut self.draws, &mut nowhere);
        for cohort in nowhere.drain(..).filter(|cohort| 0 < cohort.n) {
            let demand = &self.demands[index];
            let told_s = (cohort.send_s + 2.0 * demand.client_to_pop_s)
                .min(cohort.send_s + demand.attempt_timeout_s)
                .min(cohort.first_s + cohort.lag_s + demand.deadline_s);
            self.told(&cohort, cohort.n, Reason::NoOrigin, (told_s, cohort.width_s));
        }
        self.nowhere = nowhere;
    }

    /// Attempts reach their clusters before `to_s`.
    fn arrive(&mut self, to_s: f64) {
        let mut arrived = std::mem::take(&mut self.arrived);
        for index in 0..self.lanes.len() {
            if self.lanes[index].moving.is_empty() {
                continue;
            }
            if self.n_users <= self.lanes[index].demand {
                self.calls_arrive(index, to_s);
                continue;
            }
            self.lanes[index].arrive(to_s, &mut self.draws, &mut arrived);
            let (cluster, deployment) = (self.lanes[index].cluster, self.lanes[index].deployment);
            let mode = self.origins[cluster];
            if let (OriginMode::Serving, Some(deployment)) = (mode, deployment) {
                for mut cohort in arrived.drain(..) {
                    if self.gates.is_empty() {
                        let middle_s = cohort.send_s + self.lanes[index].one_way_s;
                        let from_s = (middle_s - 0.5 * cohort.width_s).max(self.told_from_s);
                        let time = (from_s, middle_s + 0.5 * cohort.width_s);
                        self.enter(deployment, std::slice::from_mut(&mut cohort), time);
                    }
                    cohort.join(&mut self.deployments[deployment].arrived);
                }
                continue;
            }
            for cohort in arrived.drain(..) {
                self.turn_away(&cohort, mode);
            }
        }
        self.arrived = arrived;
    }

    /// A cohort at a cluster that does not serve it.
    fn turn_away(&mut self, cohort: &Cohort, mode: OriginMode) {
        let lane = &self.lanes[usize::from(cohort.lane)];
        let at_s = cohort.send_s + lane.one_way_s;
        let (reason, event_s) = match mode {
            OriginMode::Serving => (Reason::NoReadyPod, at_s),
            OriginMode::Refused | OriginMode::ServerError => (Reason::OriginRefused, at_s),
            OriginMode::Hang => (lane.give_up_reason(cohort), f64::INFINITY),
        };
        self.fail(cohort, cohort.n, reason, (event_s, cohort.width_s));
    }
}
