//! What clients do about failures: try again, or give up for good.

use crate::sim::streams::unit;
use crate::traffic::ledger::Reason;

use super::Flow;
use super::counts::proportional;
use super::sends::{Cohort, Release};

/// Clients who will give up at an instant, because nobody answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice {
    pub(super) due_s: f64,
    pub(super) cohort: Cohort,
    pub(super) reason: Reason,
}

impl Flow {
    /// `n` of a cohort fail at their cluster around `event_s`, within `width_s`; clients learn it
    /// one way later, unless they give up before. At infinity nobody tells them.
    pub(super) fn fail(
        &mut self,
        cohort: &Cohort,
        n: u64,
        reason: Reason,
        (event_s, width_s): (f64, f64),
    ) {
        if n == 0 {
            return;
        }
        let lane = &self.lanes[usize::from(cohort.lane)];
        let give_up_s = lane.give_up_s(cohort);
        let told_s = event_s + lane.one_way_s;
        if told_s <= give_up_s {
            return self.told(cohort, n, reason, (told_s, width_s));
        }
        let reason = if event_s == f64::INFINITY { reason } else { lane.give_up_reason(cohort) };
        self.notices.push(Notice { due_s: give_up_s, cohort: Cohort { n, ..*cohort }, reason });
    }

    /// `n` clients of a cohort learn around `told_s` that their attempt has failed.
    pub(super) fn told(
        &mut self,
        cohort: &Cohort,
        n: u64,
        reason: Reason,
        (told_s, width_s): (f64, f64),
    ) {
        let demand = self.lanes[usize::from(cohort.lane)].demand;
        let phase = unit(self.draws.next_u64());
        let when = (told_s, width_s, self.told_from_s);
        let given_up = self.demands[demand].file_retries(cohort, n, reason, when, phase);
        self.have_failed(demand, cohort.first_s, reason, given_up);
    }

    /// The budget refuses so many of the retries that are due; their users have failed.
    pub(super) fn deny(&mut self, demand: usize, due: &mut [Release], mut refused: u64) {
        let mut rest: u64 = due.iter().filter(|release| !release.paid).map(|r| r.n).sum();
        for release in due.iter_mut().filter(|release| !release.paid) {
            let n = proportional(&mut refused, release.n, &mut rest);
            release.n -= n;
            self.have_failed(demand, release.first_s, release.reason, n);
        }
    }

    /// Clients on whose attempts nobody works give up, whose time is over before `to_s`.
    pub(super) fn notice(&mut self, to_s: f64) {
        if self.notices.is_empty() {
            return;
        }
        let mut due = std::mem::take(&mut self.due_notices);
        self.notices.retain(|notice| {
            let stays = to_s <= notice.due_s;
            if !stays {
                due.push(*notice);
            }
            stays
        });
        for Notice { due_s, cohort, reason } in due.drain(..) {
            self.told(&cohort, cohort.n, reason, (due_s, cohort.width_s));
        }
        self.due_notices = due;
    }

    /// Clients in pods of a deployment give up.
    pub(super) fn give_up_in(&mut self, deployment: usize, to_s: f64) {
        for step in 0..self.deployments[deployment].steps.len() {
            if to_s <= self.deployments[deployment].steps[step].due_s {
                continue;
            }
            let mut next_s = f64::INFINITY;
            for part in 0..self.deployments[deployment].steps[step].parts.len() {
                let inside = self.deployments[deployment].steps[step].parts[part];
                if inside.late + inside.hung + inside.doomed == 0 {
                    continue;
                }
                let due_s = self.lanes[usize::from(inside.cohort.lane)].give_up_s(&inside.cohort);
                if to_s <= due_s {
                    next_s = next_s.min(due_s);
                } else {
                    self.give_up_inside(deployment, step, part, due_s);
                }
            }
            self.deployments[deployment].steps[step].due_s = next_s;
        }
        self.deployments[deployment].forget_empty_steps();
    }

    fn give_up_inside(&mut self, deployment: usize, step: usize, part: usize, due_s: f64) {
        let inside = &mut self.deployments[deployment].steps[step].parts[part];
        let (late, hung, doomed) = (inside.late, inside.hung, inside.doomed);
        let cohort = inside.cohort;
        inside.zombies += late + hung;
        (inside.late, inside.hung, inside.doomed) = (0, 0, 0);
        let reason = self.lanes[usize::from(cohort.lane)].give_up_reason(&cohort);
        self.told_or_none(&cohort, late + doomed, reason, due_s);
        self.told_or_none(&cohort, hung, Reason::Dependency, due_s);
        if 0 < doomed {
            let step = self.deployments[deployment].first_step + step as u64;
            self.drop_doomed(deployment, step, doomed, due_s);
        }
    }

    fn told_or_none(&mut self, cohort: &Cohort, n: u64, reason: Reason, at_s: f64) {
        if 0 < n {
            self.told(cohort, n, reason, (at_s, 0.0));
        }
    }
}
