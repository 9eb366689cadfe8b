//! Calm stretches: seconds in which nothing happens but requests, taken in one go.
//!
//! Where every demand has one way, every deployment one group in its steady state, nobody is
//! refused or late and nobody tries again, a second is the number of users who send in it: all of
//! them are served. Such seconds are counted in a tight loop; only the last one of a stretch is
//! done as a step, so that what is on its way and in the pods is there for what comes next.

use crate::model::ids::ClusterId;
use crate::traffic::ledger::cells::{Delayed, Wait};
use crate::traffic::ledger::in_bulk::{Leaving, nanos_of};
use crate::traffic::routing::OriginMode;
use crate::units::{Span, Time};

use super::counts::binomial;
use super::sends::{Cohort, Moving};
use super::waits::window_of;
use super::{Flow, LENGTHS, NEAR_SATURATION, STEADY_PACE, pop_sets};

/// Length of a stretch.
pub(super) const CALM: Span = Span::from_secs(32);

/// A stretch of fewer seconds is done in steps.
const LEAST: i64 = 4;

/// A state within this of the steady one counts as steady.
const STEADY: f64 = 0.01;

/// Rates that change by more than this within a stretch are no calm.
const EVEN: f64 = 0.02;

impl Flow {
    /// Goes on to `to`, by calm stretches where there are any.
    pub(super) fn proceed(&mut self, to: Time) {
        while self.done_until < to {
            let begin = self.done_until.next_on_grid(Time::ZERO, LENGTHS[STEADY_PACE]);
            let whole = (to - begin).as_secs_f64() as i64 - 1;
            if self.done_until == begin && LEAST <= whole && self.is_calm() {
                self.take_calm(whole);
            }
            let length = LENGTHS[self.pace];
            let grid = (self.done_until + Span::from_nanos(1)).next_on_grid(Time::ZERO, length);
            self.step(grid.min(to));
        }
    }

    /// Whether nothing but requests is going on.
    pub(super) fn is_calm(&self) -> bool {
        self.sites.is_empty()
            && self.pace == STEADY_PACE
            && self.sent_until == self.done_until
            && self.notices.is_empty()
            && self.slow.is_empty()
            && self.gates.is_empty()
            && self.grey.iter().all(|grey| !grey.is_any())
            && self.demands.iter().all(|demand| {
                demand.releases.is_empty()
                    && self.sole_way(demand).is_some()
                    && demand.fresh.is_even(self.done_until.as_secs_f64(), CALM.as_secs_f64(), EVEN)
            })
            && (0..self.deployments.len()).all(|index| self.is_steady(index))
    }

    /// The only cluster to which a demand sends, if it serves it.
    fn sole_way(&self, demand: &super::Demand) -> Option<ClusterId> {
        let cluster = demand.pops.sole_way()?;
        let lane = &self.lanes[demand.first_lane + cluster.index()];
        let serves = self.origins[cluster.index()] == OriginMode::Serving;
        // Within a stretch, what is on its way was sent in its last second.
        lane.deployment.filter(|_| serves && lane.one_way_s < 0.9).map(|_| cluster)
    }

    /// Whether a deployment serves everybody, in a steady state or not at all.
    fn is_steady(&self, index: usize) -> bool {
        let deployment = &self.deployments[index];
        let is_idle = deployment.groups.iter().all(|group| group.idles());
        let takes = self.lanes.iter().any(|lane| {
            lane.deployment == Some(index)
                && self.sole_way(&self.demands[lane.demand]) == Some(ClusterId::new(lane.cluster))
        });
        if !takes {
            return is_idle && deployment.steps.is_empty();
        }
        let mut accepting = deployment.groups.iter().filter(|group| group.accepting);
        let (Some(group), None) = (accepting.next(), accepting.next()) else { return false };
        let others = deployment.groups.iter().filter(|group| !group.accepting);
        let state = &group.state;
        let steady = deployment.curve(group.station).after(state.present, self.rate_at(index), 1e9);
        let late = |part: &super::deployment::Inside| part.late + part.hung + part.doomed;
        others.into_iter().all(|group| group.idles())
            && deployment.endpoints.missing.is_empty()
            && deployment.is_unhindered()
            && state.refused < 1e-9
            && steady.refused < 1e-9
            && state.queue_variance <= group.variance
            && (steady.present - state.present).abs() <= STEADY * (0.1 + state.present)
            && deployment.steps.iter().all(|step| step.parts.iter().all(|part| late(part) == 0))
    }

    /// Arrivals at a station of a deployment in a mean service, in a calm.
    fn rate_at(&self, index: usize) -> f64 {
        let deployment = &self.deployments[index];
        let at_s = self.done_until.as_secs_f64();
        let mine = self.lanes.iter().filter(|lane| lane.deployment == Some(index));
        let rate: f64 = mine
            .filter(|lane| {
                self.demands[lane.demand].pops.sole_way() == Some(ClusterId::new(lane.cluster))
            })
            .map(|lane| self.demands[lane.demand].fresh.rate_at(at_s))
            .sum();
        let accepting = deployment.groups.iter().find(|group| group.accepting);
        accepting.map_or(0.0, |group| {
            let unit_s = deployment.service.mean_s * group.slowness;
            rate / group.size() * deployment.pooled() * unit_s
        })
    }

    /// `n_seconds` calm seconds: everybody is served.
    fn take_calm(&mut self, n_seconds: i64) {
        let from_s = self.done_until.as_secs_f64();
        self.let_arrive();
        let mut served: Vec<u64> = vec![0; self.deployments.len()];
        for index in 0..self.demands.len() {
            let cluster = self.demands[index].pops.sole_way().expect("it is calm");
            let lane = self.demands[index].first_lane + cluster.index();
            let deployment = self.lanes[lane].deployment.expect("it is calm");
            let wait = self.steady_wait(deployment);
            let mut window = (None, 0);
            for second in 0..n_seconds {
                let second_s = from_s + second as f64;
                let (mut n, mean) = self.demands[index].fresh.send(second_s, second_s + 1.0);
                if second + 1 == n_seconds {
                    n -= self.leave_moving(lane, second_s + 1.0, n, mean);
                }
                self.ledger.offered_and_served(index, second_s, n);
                self.ledger.deployment_mut(deployment).passed(second_s, n);
                served[deployment] += n;
                if window.0 != window_of(second_s) {
                    self.tell_calmly(lane, window, wait);
                    window = (window_of(second_s), 0);
                }
                window.1 += n;
            }
            self.tell_calmly(lane, window, wait);
        }
        for (index, n) in served.into_iter().enumerate().filter(|(_, n)| 0 < *n) {
            self.work_calmly(index, n, from_s, n_seconds as f64);
        }
        self.done_until += Span::from_secs(n_seconds);
        self.sent_until = self.done_until;
        self.told_from_s = self.done_until.as_secs_f64();
    }

    /// Users of a window were served in a calm stretch.
    fn tell_calmly(&mut self, lane: usize, (window, n): (Option<usize>, u64), wait: Wait) {
        if let Some(window) = window.filter(|_| 0 < n) {
            self.tell_latency(lane, window, n, Delayed::by(wait));
        }
    }

    /// Of the users of the second before `end_s`, those of its end are still on their way. Gives
    /// how many.
    fn leave_moving(&mut self, lane: usize, end_s: f64, n: u64, mean: f64) -> u64 {
        let way_s = self.lanes[lane].one_way_s;
        let n = binomial(n, way_s, self.draws.next_u64());
        let send_s = end_s - 0.5 * way_s;
        let cohort = Cohort {
            lane: lane as u16,
            attempt: 0,
            pops: pop_sets::ALL,
            first_s: send_s,
            send_s,
            width_s: way_s,
            lag_s: 0.0,
            n,
            mean: mean * way_s,
        };
        self.ledger.offered(self.lanes[lane].demand, end_s - 1.0, n as u32);
        if 0.0 < way_s {
            self.lanes[lane].moving.push_back(Moving {
                cohort,
                from_s: end_s - way_s,
                to_s: end_s,
            });
        }
        n
    }

    /// What is under way at the begin of a calm stretch arrives and is served.
    fn let_arrive(&mut self) {
        for lane in 0..self.lanes.len() {
            while let Some(moving) = self.lanes[lane].moving.pop_front() {
                let deployment = self.lanes[lane].deployment.expect("it is calm");
                let n = moving.cohort.n;
                self.ledger.deployment_mut(deployment).arrived(moving.cohort.send_s, n as u32);
                let wait = self.steady_wait(deployment);
                self.leave_calmly(deployment, n, moving.cohort.send_s);
                self.answer(&moving.cohort, n, wait, f64::INFINITY);
            }
        }
        for index in 0..self.deployments.len() {
            for step in std::mem::take(&mut self.deployments[index].steps) {
                for part in &step.parts {
                    let n = part.timely + part.zombies;
                    self.leave_calmly(index, n, part.cohort.send_s);
                    self.answer(&part.cohort, part.timely, step.wait, part.within_s);
                }
                self.deployments[index].first_step += 1;
            }
            for group in &mut self.deployments[index].groups {
                group.finished += group.present as f64 / group.size();
                group.queue.clear();
                group.present = 0;
            }
        }
    }

    fn steady_wait(&self, deployment: usize) -> Wait {
        let deployment = &self.deployments[deployment];
        let group = deployment.groups.iter().find(|group| group.accepting);
        group.map_or(Wait::default(), |group| deployment.wait(group))
    }

    /// Counts the sums of `n` attempts that were served at a deployment.
    fn leave_calmly(&mut self, index: usize, n: u64, at_s: f64) {
        let leaving = self.sums_of(index, n);
        self.ledger.deployment_mut(index).left_many(at_s, &leaving);
    }

    fn sums_of(&mut self, index: usize, n: u64) -> Leaving {
        let wait = self.steady_wait(index);
        let deployment = &mut self.deployments[index];
        let slowness = deployment.groups.first().map_or(1.0, |group| group.slowness);
        deployment.waited_part += n as f64 * wait.share;
        let waited = (deployment.waited_part as u64).min(n);
        deployment.waited_part -= waited as f64;
        Leaving {
            served: n,
            waited,
            wait_ns: nanos_of(n as f64 * wait.share * wait.mean_s),
            busy_ns: nanos_of(n as f64 * deployment.service.mean_s * slowness),
            ..Leaving::default()
        }
    }

    /// The workers of a deployment in a calm stretch.
    fn work_calmly(&mut self, index: usize, n: u64, from_s: f64, length_s: f64) {
        let rate = self.rate_at(index);
        let wait = self.steady_wait(index);
        let leaving = self.sums_of(index, n);
        let account = self.ledger.deployment_mut(index);
        account.left_in_calm(from_s, &leaving);
        let deployment = &mut self.deployments[index];
        if account.records_waits() && 0.0 <= from_s {
            deployment.waits.add(n, wait);
        }
        if deployment.counts_writes {
            let writes = self.share_of_writes(index) * n as f64;
            let account = self.ledger.deployment_mut(index);
            account.accepted_writes(from_s, from_s + length_s, writes.round() as u64);
        }
        let deployment = &mut self.deployments[index];
        let pooled = deployment.pooled();
        let group = deployment.groups.iter().position(|group| group.accepting);
        let group = group.expect("it is calm");
        let station = deployment.groups[group].station;
        let load = rate / deployment.stations[station].0.servers;
        if NEAR_SATURATION.contains(&load) && 0.0 <= from_s {
            self.near_saturation_s += length_s;
        }
        let present = deployment.groups[group].state.present;
        let state = deployment.curve(station).after(present, rate, 1e9);
        let group = &mut deployment.groups[group];
        (group.state, group.variance) = (state, state.queue_variance);
        group.busy_s += state.busy / pooled * length_s;
        group.finished += n as f64 / group.size();
    }
}
