//! Serving: what arrives at a cluster in one step, and what its pods do meanwhile.

use crate::traffic::ledger::cells::{Delayed, Wait};
use crate::traffic::ledger::in_bulk::{Leaving, nanos_of};
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::traffic::plan::OnTimeout;

use super::calls::Worked;
use super::counts::{binomial, proportional};
use super::deployment::{Inside, Step};
use super::sends::Cohort;
use super::waits::window_of;
use super::{Flow, NEAR_SATURATION};

impl Flow {
    /// One step of one deployment.
    pub(super) fn serve(&mut self, index: usize, from_s: f64, to_s: f64) {
        let mut arrived = std::mem::take(&mut self.deployments[index].arrived);
        if !arrived.is_empty() && !self.gates.is_empty() {
            self.enter(index, &mut arrived, (from_s, to_s));
        }
        self.work(index, &arrived, from_s, to_s);
        arrived.clear();
        self.deployments[index].arrived = arrived;
    }

    /// The pods of a deployment take in what arrived and go on with what they have.
    fn work(&mut self, index: usize, arrived: &[Cohort], from_s: f64, to_s: f64) {
        let n: u64 = arrived.iter().map(|cohort| cohort.n).sum();
        let mean: f64 = arrived.iter().map(|cohort| cohort.mean).sum();
        let deployment = &self.deployments[index];
        if n == 0 && mean == 0.0 && deployment.groups.iter().all(|group| group.idles()) {
            return;
        }
        let pods: f64 = deployment.groups.iter().filter(|g| g.accepting).map(|g| g.size()).sum();
        let mut shares = std::mem::take(&mut self.shares);
        deployment.share_out(mean.max(n as f64), to_s - from_s, &mut shares);
        let mut classes = std::mem::take(&mut self.classes);
        classes.clear();
        let first_step = deployment.next_step();
        let mut load = StepLoad { n_left: n, pods, mean, ..StepLoad::new(first_step, classes) };
        self.done.clear();
        // A group may begin a step of its own.
        let n_steps = self.deployments[index].steps.len() + self.deployments[index].groups.len();
        self.done.resize(n_steps, 0);
        for (group, &share) in shares.iter().enumerate() {
            self.work_group(index, (group, share), (from_s, to_s), &mut load);
        }
        assert!(load.n_left == 0, "every attempt has a pod");
        self.is_near_saturation |= NEAR_SATURATION.contains(&self.deployments[index].load());
        self.admit(index, arrived, (from_s, to_s), &load.classes);
        self.finish(index, (from_s, to_s), &load);
        if self.deployments[index].calling.is_some() {
            self.make_calls(index, (load.flow, load.begin_to_hold), (from_s, to_s));
        }
        self.deployments[index].forget_empty_steps();
        (self.classes, self.shares) = (load.classes, shares);
    }

    /// One group in one step: takes its part of the arrivals, and finishes what its workers do.
    fn work_group(
        &mut self,
        index: usize,
        (group, share): (usize, f64),
        (from_s, to_s): (f64, f64),
        load: &mut StepLoad,
    ) {
        let deployment = &mut self.deployments[index];
        let slowness = deployment.groups[group].slowness;
        let pooled = deployment.pooled();
        let impatient = deployment.is_impatient(deployment.groups[group].station);
        let length_s = to_s - from_s;
        let accepting = deployment.groups[group].accepting;
        let per_pod = load.mean * share / deployment.groups[group].size();
        let before = deployment.groups[group].state.present;
        deployment.go_on(group, per_pod * pooled, length_s);
        let room = if impatient { deployment.room(&deployment.groups[group]) } else { 0 };
        let unit_s = deployment.work_s(&deployment.groups[group]);
        let working = deployment.working_part(slowness);
        let wait = deployment.wait(&deployment.groups[group]);
        let group = &mut deployment.groups[group];
        let state = group.state;
        let size = group.size();
        let mut n = 0;
        if accepting {
            // Who comes last takes what is left, whatever rounding makes of the shares.
            n = if load.share_left * ALL <= share {
                load.n_left
            } else {
                binomial(load.n_left, share / load.share_left, self.draws.next_u64())
            };
            load.n_left -= n;
            load.share_left -= share;
        }
        group.refused_part += n as f64 * state.refused;
        let refused = (group.refused_part as u64).min(n);
        group.refused_part -= refused as f64;
        let taken = n - refused;
        if 0 < n {
            let (step, class) = load.class(wait, slowness, unit_s);
            class.taken += taken;
            class.refused += refused;
            group.add(step, taken);
            if impatient {
                let doomed = refused.min(room);
                class.doomed += doomed;
                if 0 < doomed {
                    group.doomed.push_back((step, doomed));
                }
            }
        }
        let left = if group.finish_s <= to_s {
            0
        } else {
            group.rounded(state.present * size / pooled).min(group.present)
        };
        let finished = group.present - left;
        let done = &mut self.done;
        let first_step = deployment.first_step;
        group.take_first(finished, |step, n| done[(step - first_step) as usize] += n);
        group.busy_s += state.busy / pooled * length_s * working;
        group.finished += finished as f64 / size;
        load.finish(finished, unit_s);
        load.flow += state.busy / pooled * size * length_s / unit_s;
        let held = state.busy / pooled * (1.0 - working);
        load.begin_to_hold += (held - group.held) * size;
        group.held = held;
        let change = (state.present - before).abs() / (1.0 + state.present.max(before));
        load.unrest = load.unrest.max(change * size / load.pods.max(size));
    }

    /// Books what the groups took in and refused, spread evenly over the cohorts.
    fn admit(&mut self, index: usize, arrived: &[Cohort], step: (f64, f64), classes: &[Class]) {
        let mut left: Vec<u64> = arrived.iter().map(|cohort| cohort.n).collect();
        let mut n_left: u64 = left.iter().sum();
        for class in classes {
            let (mut mine, mut rest) = (class.taken + class.refused, n_left);
            n_left -= mine;
            let (mut refused, mut rest_of_class) = (class.refused, mine);
            let (mut doomed, mut rest_of_refused) = (class.doomed, class.refused);
            let mut parts = Vec::with_capacity(arrived.len());
            for (cohort, left) in arrived.iter().zip(&mut left).filter(|(_, left)| 0 < **left) {
                let n = proportional(&mut mine, *left, &mut rest);
                *left -= n;
                let away = proportional(&mut refused, n, &mut rest_of_class);
                let vain = proportional(&mut doomed, away, &mut rest_of_refused);
                if 0 < n {
                    let cohort = Cohort { n, ..*cohort };
                    parts.push(self.admit_part(index, &cohort, (away, vain), step, class));
                }
            }
            let present = parts.iter().map(Inside::present).sum();
            let waits_in_vain = |part: &&Inside| 0 < part.late + part.hung + part.doomed;
            let give_up_s =
                |part: &Inside| self.lanes[usize::from(part.cohort.lane)].give_up_s(&part.cohort);
            let due_s =
                parts.iter().filter(waits_in_vain).map(give_up_s).fold(f64::INFINITY, f64::min);
            let wait = class.wait;
            self.deployments[index].steps.push_back(Step { present, parts, wait, due_s });
        }
    }

    /// Books a cohort of which `away` do not get a worker, `doomed` of them because they will have
    /// given up.
    fn admit_part(
        &mut self,
        index: usize,
        cohort: &Cohort,
        (away, doomed): (u64, u64),
        step: (f64, f64),
        class: &Class,
    ) -> Inside {
        self.fail_at(index, cohort, away - doomed, AttemptFailure::QueueFull, step);
        let (mut timely, mut hung) = (cohort.n - away, 0);
        let service = self.deployments[index].service;
        if service.reads.hangs || service.writes.hangs {
            let writes = self.lanes[usize::from(cohort.lane)].writes;
            let share = f64::from(u8::from(service.reads.hangs)) * (1.0 - writes)
                + f64::from(u8::from(service.writes.hangs)) * writes;
            hung = binomial(timely, share, self.draws.next_u64());
            timely -= hung;
        }
        let lane = &self.lanes[usize::from(cohort.lane)];
        let answer = self.deployments[index].answer(lane, cohort, class.slowness);
        let share = answer.late_share(&self.deployments[index], class.wait);
        let late = if share <= 0.0 { 0 } else { binomial(timely, share, self.draws.next_u64()) };
        timely -= late;
        let within_s = if share <= 0.0 { f64::INFINITY } else { answer.within_s };
        Inside { cohort: *cohort, timely, late, hung, zombies: 0, doomed, within_s }
    }

    /// Books what the groups have finished, oldest steps first.
    fn finish(&mut self, index: usize, (from_s, to_s): (f64, f64), load: &StepLoad) {
        let mut leaving = Leaving::default();
        let (mut writes, mut waited, mut wait_s) = (0.0, 0.0, 0.0);
        let done = std::mem::take(&mut self.done);
        let cancels = self.deployments[index].on_timeout == OnTimeout::Cancel;
        let mut losing = self.losing(index, done.iter().sum());
        let account = self.ledger.deployment_mut(index);
        let records_waits = account.records_waits() && 0.0 <= from_s;
        for (offset, &finished) in done.iter().enumerate().filter(|(_, n)| 0 < **n) {
            let wait = self.deployments[index].steps[offset].wait;
            if records_waits {
                self.deployments[index].waits.add(finished, wait);
            }
            let step = &mut self.deployments[index].steps[offset];
            let (mut left, mut rest) = (finished, step.present);
            step.present -= finished;
            for part in 0..self.deployments[index].steps[offset].parts.len() {
                let inside = &mut self.deployments[index].steps[offset].parts[part];
                let kinds = [inside.timely, inside.late, inside.hung, inside.zombies];
                let [timely, late, hung, zombies] =
                    kinds.map(|n| proportional(&mut left, n, &mut rest));
                inside.timely -= timely;
                inside.late -= late;
                inside.hung -= hung;
                inside.zombies -= zombies;
                let (cohort, within_s) = (inside.cohort, inside.within_s);
                let n = timely + late + hung + zombies;
                waited += n as f64 * wait.share;
                wait_s += n as f64 * wait.share * wait.mean_s;
                let lost = losing.of(timely);
                losing.of(late + hung + zombies);
                leaving.served += timely - lost + if cancels { 0 } else { late + zombies };
                leaving.aborted += lost + hung + if cancels { late + zombies } else { 0 };
                leaving.zombie_ns += nanos_of(zombies as f64 * load.unit_s());
                writes += (timely + late) as f64 * self.lanes[usize::from(cohort.lane)].writes;
                self.answer_late(&cohort, late, hung);
                if self.deployments[index].calling.is_none() {
                    self.answer(&cohort, timely, wait, within_s);
                    continue;
                }
                let worked = Worked { cohort, timely, lost, late, zombies, wait, within_s };
                self.have_worked(index, &worked, (from_s, to_s));
            }
            assert!(left == 0, "what is finished was there");
        }
        self.done = done;
        let deployment = &mut self.deployments[index];
        deployment.waited_part += waited;
        leaving.waited = (deployment.waited_part as u64).min(leaving.served + leaving.aborted);
        deployment.waited_part -= leaving.waited as f64;
        leaving.wait_ns = nanos_of(wait_s);
        self.leave(index, from_s, load, leaving);
        if self.deployments[index].counts_writes && 0.0 < writes {
            let account = self.ledger.deployment_mut(index);
            account.accepted_writes(from_s, to_s, writes.round() as u64);
        }
    }

    /// Answers that come too late: their clients find out when they give up.
    fn answer_late(&mut self, cohort: &Cohort, late: u64, hung: u64) {
        let lane = &self.lanes[usize::from(cohort.lane)];
        let due_s = lane.give_up_s(cohort);
        let reasons = [(late, lane.give_up_reason(cohort)), (hung, Reason::Dependency)];
        for (n, reason) in reasons {
            if 0 < n {
                let cohort = Cohort { n, ..*cohort };
                self.notices.push(super::clients::Notice { due_s, cohort, reason });
            }
        }
    }

    /// Books the sums of what left its workers.
    fn leave(&mut self, index: usize, from_s: f64, load: &StepLoad, mut leaving: Leaving) {
        let n = leaving.served + leaving.aborted;
        leaving.busy_ns = nanos_of(n as f64 * load.unit_s());
        self.ledger.deployment_mut(index).left_many(from_s, &leaving);
        self.unrest.change = self.unrest.change.max(load.unrest);
    }

    /// `n` users of a cohort have their answer, which took at most `within_s` since this attempt.
    pub(super) fn answer(&mut self, cohort: &Cohort, n: u64, wait: Wait, within_s: f64) {
        if n == 0 {
            return;
        }
        let lane = usize::from(cohort.lane);
        if self.n_users <= self.lanes[lane].demand {
            return self.call_succeeds(lane, n);
        }
        self.ledger.demand_mut(self.lanes[lane].demand).served_many(cohort.first_s, n);
        if let Some(window) = window_of(cohort.first_s) {
            let after_s = (cohort.send_s - cohort.first_s - cohort.lag_s).max(0.0);
            let delayed = Delayed { after_s, wait, within_s };
            match self.lanes[lane].deployment.and_then(|to| self.deployments[to].calling.as_ref()) {
                None => self.tell_latency(lane, window, n, delayed),
                Some(calling) => {
                    let delays = calling.delays_of_served(wait);
                    self.tell_latencies((lane, window), n, delayed, delays);
                }
            }
        }
    }

    /// `n` users of a lane were served, whose first sends are in this window.
    pub(super) fn tell_latency(&mut self, lane: usize, window: usize, n: u64, delayed: Delayed) {
        let lane = &mut self.lanes[lane];
        let Some(index) = lane.deployment else { return };
        let deployment = &self.deployments[index];
        let slowness = deployment.groups.first().map_or(1.0, |group| group.slowness);
        let slower = deployment.service.slower * slowness;
        let account = self.ledger.demand_mut(lane.demand);
        let mixture = match lane.mixture {
            Some((known, mixture)) if known == slower => mixture,
            _ => account.mixture(&deployment.cells, slower, 2.0 * lane.one_way_s),
        };
        lane.mixture = Some((slower, mixture));
        account.latency_of(mixture, window, n, delayed);
    }
}

/// What a step brings to the groups of a deployment.
#[derive(Clone, Debug)]
struct StepLoad {
    n_left: u64,
    /// Pods that take requests.
    pods: f64,
    /// What is not shared out yet.
    share_left: f64,
    /// Requests to expect.
    mean: f64,
    /// Number of the step of the first class.
    first_step: u64,
    classes: Vec<Class>,
    /// Weights of the sums.
    finished: f64,
    work_s: f64,
    /// Requests that finish, in the mean, and how many more wait for calls than before.
    flow: f64,
    begin_to_hold: f64,
    /// As the change of [`Unrest`](super::Unrest).
    unrest: f64,
}

/// More than this part of what is left is all of it.
const ALL: f64 = 1.0 - 1e-9;

/// Attempts that wait by the same law; each class is a step of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    wait: Wait,
    slowness: f64,
    taken: u64,
    refused: u64,
    /// Of those refused, who find out when they give up.
    doomed: u64,
}

/// Waits that differ by less than this part, or by less than this part of a service, are alike.
const ALIKE: f64 = 0.1;

impl StepLoad {
    fn new(first_step: u64, classes: Vec<Class>) -> Self {
        Self {
            n_left: 0,
            pods: 0.0,
            share_left: 1.0,
            mean: 0.0,
            first_step,
            classes,
            finished: 0.0,
            work_s: 0.0,
            flow: 0.0,
            begin_to_hold: 0.0,
            unrest: 0.0,
        }
    }

    /// The class of a wait at pods of this slowness, and its step.
    fn class(&mut self, wait: Wait, slowness: f64, unit_s: f64) -> (u64, &mut Class) {
        let mean_s = |wait: &Wait| wait.share * wait.mean_s;
        let alike = |class: &Class| {
            let gap_s = (mean_s(&class.wait) - mean_s(&wait)).abs();
            class.slowness == slowness && gap_s <= ALIKE * (mean_s(&wait) + unit_s)
        };
        let place = self.classes.iter().position(alike).unwrap_or_else(|| {
            self.classes.push(Class { wait, slowness, taken: 0, refused: 0, doomed: 0 });
            self.classes.len() - 1
        });
        (self.first_step + place as u64, &mut self.classes[place])
    }

    fn finish(&mut self, finished: u64, unit_s: f64) {
        // A little weight for groups that finish nothing, so that there is always a mean.
        let finished = finished as f64 + 1e-9;
        self.finished += finished;
        self.work_s += finished * unit_s;
    }

    /// Mean time that a finished request took.
    fn unit_s(&self) -> f64 {
        if 0.0 < self.finished { self.work_s / self.finished } else { 0.0 }
    }
}
