//! What becomes of the pods of a group in a step: their mean state, its spread, and how much of
//! their services they do.

use crate::traffic::ledger::cells::Wait;
use crate::traffic::plan::OnTimeout;

use super::balance::{self, Level};
use super::curve::State;
use super::deployment::Deployment;
use super::groups::Group;
use super::lateness;
use super::spread::Narrowing;

/// What becomes of a group in a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct After {
    state: State,
    variance: f64,
    /// Of its mean service that a request takes.
    part: f64,
    most_s2: f64,
    pub(super) slowness: f64,
    pub(super) wait: Wait,
}

/// Steps in which the part of its mean service is found that a request takes.
const HALVINGS: u32 = 16;

impl Deployment {
    /// A group goes on for a time in which so many requests are to be expected at each of its
    /// stations.
    pub(super) fn go_on(&mut self, group: usize, arriving: f64, length_s: f64) {
        let before = &self.groups[group];
        let mut after = self.after(before, (1.0, f64::INFINITY), arriving, length_s);
        if self.on_timeout == OnTimeout::Cancel && lateness::spent_before(self, &after) < 1.0 {
            // The longer a service takes, the more wait, and the earlier services are cut short.
            let servers = self.stations[before.station].0.servers;
            let busy_s = arriving * self.service.mean_s * before.slowness + arriving * self.held_s;
            let load = busy_s / (servers * length_s);
            let most_s2 = lateness::most_variance_s2(self, before.slowness, servers, load);
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..HALVINGS {
                let middle = 0.5 * (low + high);
                after = self.after(before, (middle, most_s2), arriving, length_s);
                if middle < lateness::spent_before(self, &after) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
        }
        let group = &mut self.groups[group];
        group.rate = arriving / length_s;
        (group.state, group.variance, group.part) = (after.state, after.variance, after.part);
        group.most_s2 = after.most_s2;
    }

    /// What becomes of a group whose requests take this part of their mean service, and whose
    /// waits vary so much at most.
    fn after(
        &self,
        group: &Group,
        (part, most_s2): (f64, f64),
        arriving: f64,
        length_s: f64,
    ) -> After {
        let (station, curve) = &self.stations[group.station];
        let length = length_s / (self.taken_s(group.slowness) * part);
        let before = group.state.present;
        let rate = arriving / length;
        let mut narrowing = Narrowing::of(station, &group.state, group.variance);
        if 0.0 < self.pressed {
            narrowing.idle = narrowing.idle.max(self.pressed * (1.0 - 1.0 / self.n_stations()));
        }
        let mut steady = curve.after_narrowed(before, (rate, station.servers), length, narrowing);
        let places_left = station.bound() - (steady.present - station.servers);
        if narrowing.refused < 1.0 && places_left <= group.variance.sqrt() {
            // What does not fit is refused, however alike the queues are.
            narrowing.refused = 1.0;
            steady = curve.after_narrowed(before, (rate, station.servers), length, narrowing);
        }
        let taken = arriving * (1.0 - narrowing.refused * steady.refused);
        let left = (before + taken - steady.present).max(0.0);
        let variance = group.variance + station.variability * (taken + left);
        let mut variance = variance.min(steady.queue_variance);
        if 0.0 < self.pressed {
            // As many as callers have workers for, and every way to share them is as likely.
            let (others, queue) =
                (self.n_stations() - 1.0, (steady.present - station.servers).max(0.0));
            let crowded = variance.min(steady.present + queue * queue * others / (others + 2.0));
            variance += (crowded - variance) * self.pressed;
        }
        let state = narrowing.narrowed(station, &steady, variance);
        let wait = self.wait_in(group, &state, (part, most_s2));
        After { state, variance, part, most_s2, slowness: group.slowness, wait }
    }

    /// Queues among which what comes is shared out.
    fn n_stations(&self) -> f64 {
        let accepting = self.groups.iter().filter(|group| group.accepting);
        (accepting.map(Group::size).sum::<f64>() / self.pooled()).max(1.0)
    }

    /// The work that came to the pods of the last step, of what their workers could do.
    pub(super) fn load(&self) -> f64 {
        let accepting = || self.groups.iter().filter(|group| group.accepting);
        let servers = |group: &Group| self.stations[group.station].0.servers * group.size();
        let work = |group: &Group| group.rate * self.work_s(group) * group.size();
        accepting().map(work).sum::<f64>() / accepting().map(servers).sum::<f64>().max(1.0)
    }

    /// The share of each group in `n` requests that come in a time.
    pub(super) fn share_out(&self, n: f64, length_s: f64, shares: &mut Vec<f64>) {
        let accepting = || self.groups.iter().filter(|group| group.accepting);
        let size = |group: &Group| if group.accepting { group.size() } else { 0.0 };
        shares.clear();
        if !self.balancer.counts_outstanding() || accepting().nth(1).is_none() {
            let pods: f64 = accepting().map(Group::size).sum();
            shares.extend(self.groups.iter().map(|group| size(group) / pods.max(1.0)));
            return;
        }
        let pooled = self.pooled();
        let level = |group: &Group| Level {
            pods: group.size(),
            // Who has given up does not count, even where it is still served.
            outstanding: group.state.present.min(group.rate * self.patience_s) / pooled,
            leaving: group.state.busy / pooled * length_s / self.work_s(group),
        };
        let levels: Vec<Level> = accepting().map(level).collect();
        let mut of_levels = balance::shares(self.balancer, &levels, n).into_iter();
        let share = |group: &Group| {
            if group.accepting { of_levels.next().expect("one for each that accepts") } else { 0.0 }
        };
        shares.extend(self.groups.iter().map(share));
    }

    /// How many more requests can wait at the pods of a group. Who has given up keeps a place until
    /// their turn.
    pub(super) fn room(&self, group: &Group) -> u64 {
        let doomed: u64 = group.doomed.iter().map(|(_, n)| n).sum();
        let served = group.state.busy / self.pooled() * group.size();
        let waiting = (group.present as f64 - served).max(0.0) + doomed as f64;
        (self.places * group.size() - waiting).max(0.0) as u64
    }

    /// What a request takes of a worker at the pods of a group [s].
    pub(super) fn work_s(&self, group: &Group) -> f64 {
        self.taken_s(group.slowness) * group.part
    }

    /// The wait of who comes now to the pods of a group.
    pub(super) fn wait(&self, group: &Group) -> Wait {
        self.wait_in(group, &group.state, (group.part, group.most_s2))
    }

    fn wait_in(&self, group: &Group, state: &State, (part, most_s2): (f64, f64)) -> Wait {
        let unit_s = self.taken_s(group.slowness) * part;
        let below_s = if most_s2.is_finite() { self.patience_s } else { f64::INFINITY };
        let mean_s = (state.wait * unit_s).min(below_s);
        // Of a gamma law below a bound, no more than that of an exponential one.
        let most_s2 = most_s2.min((below_s - mean_s) * (below_s - mean_s));
        let variance_s2 = (state.wait_variance * unit_s * unit_s).min(most_s2);
        Wait { share: state.waiting, mean_s, variance_s2, below_s }
    }
}
