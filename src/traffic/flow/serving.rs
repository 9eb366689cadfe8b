//! Serving: what arrives at a cluster in one step, and what its pods do meanwhile.

use crate::traffic::Kill;
use crate::traffic::ledger::cells::{Grain, Wait};
use crate::traffic::ledger::in_bulk::{Leaving, nanos_of};
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::traffic::plan::{Balancer, OnTimeout};

use super::Flow;
use super::counts::{binomial, proportional};
use super::deployment::{Inside, Step};
use super::sends::Cohort;
use super::waits::window_of;

/// Most of what a late answer needs to look at: waits this many deviations above their mean.
const DEVIATIONS: f64 = 6.0;

/// What a step does to one group.
#[derive(Clone, Copy, Debug, Default)]
struct Admitted {
    taken: u64,
    refused: u64,
}

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

    /// Attempts reach a deployment in a time; some of them fail before a pod has taken them in.
    ///
    /// Gates share out what they let pass in a step, so behind them this is done once a step;
    /// without, it is done where attempts arrive, so that who fails can try again in the step.
    pub(super) fn enter(&mut self, index: usize, arrived: &mut [Cohort], time: (f64, f64)) {
        let n: u64 = arrived.iter().map(|cohort| cohort.n).sum();
        self.ledger.deployment_mut(index).arrived(time.0, n as u32);
        self.unrest.arrived += n;
        self.meet_grey_ingress(arrived, time);
        self.pass_gates(index, arrived, time);
        self.meet_dependencies(index, arrived, time);
        self.meet_missing(index, arrived, time);
    }

    /// `n` of a cohort fail at a deployment around the middle of a step.
    pub(super) fn fail_at(
        &mut self,
        deployment: usize,
        cohort: &Cohort,
        n: u64,
        failure: AttemptFailure,
        (from_s, to_s): (f64, f64),
    ) {
        if n == 0 {
            return;
        }
        self.ledger.deployment_mut(deployment).failed_many(from_s, failure, n);
        self.unrest.failed += n;
        let at_s = 0.5 * (from_s + to_s);
        let (reason, event_s) = match failure {
            AttemptFailure::NoPod => (Reason::NoReadyPod, at_s),
            AttemptFailure::QueueFull => (Reason::QueueFull, at_s),
            AttemptFailure::Refused(reason) => (reason, at_s),
            AttemptFailure::Lost(Kill::Silent) => (Reason::PodLost, f64::INFINITY),
            AttemptFailure::Lost(Kill::Reset) | AttemptFailure::Dropped => (Reason::PodLost, at_s),
        };
        self.fail(cohort, n, reason, (event_s, to_s - from_s));
    }

    /// An ingress may fail a part of the attempts and pass the others on.
    fn meet_grey_ingress(&mut self, arrived: &mut [Cohort], (from_s, to_s): (f64, f64)) {
        if self.grey.iter().all(|grey| !grey.is_any()) {
            return;
        }
        for cohort in arrived {
            let lane = &self.lanes[usize::from(cohort.lane)];
            let Some(grey) = self.grey.get(lane.cluster).copied() else { continue };
            let reason =
                if grey.hangs { lane.give_up_reason(cohort) } else { Reason::OriginRefused };
            let n = binomial(cohort.n, grey.size(), self.draws.next_u64());
            let (lost, left) = cohort.split(n, grey.size());
            *cohort = left;
            let event_s = if grey.hangs { f64::INFINITY } else { 0.5 * (from_s + to_s) };
            self.fail(&lost, n, reason, (event_s, to_s - from_s));
        }
    }

    /// Requests whose dependency refuses them fail at their pod without a worker.
    fn meet_dependencies(&mut self, index: usize, arrived: &mut [Cohort], step: (f64, f64)) {
        let service = self.deployments[index].service;
        if !service.reads.refused && !service.writes.refused {
            return;
        }
        for cohort in arrived {
            let writes = self.lanes[usize::from(cohort.lane)].writes;
            let share = f64::from(u8::from(service.reads.refused)) * (1.0 - writes)
                + f64::from(u8::from(service.writes.refused)) * writes;
            let n = binomial(cohort.n, share, self.draws.next_u64());
            let (lost, left) = cohort.split(n, share);
            *cohort = left;
            self.fail_at(index, &lost, n, AttemptFailure::Refused(Reason::Dependency), step);
        }
    }

    /// Requests that a balancer sends to pods that do not serve.
    fn meet_missing(&mut self, index: usize, arrived: &mut [Cohort], step: (f64, f64)) {
        let endpoints = &self.deployments[index].endpoints;
        if endpoints.listed.is_empty() {
            for cohort in arrived {
                let (lost, left) = cohort.split(cohort.n, 1.0);
                *cohort = left;
                self.fail_at(index, &lost, lost.n, AttemptFailure::NoPod, step);
            }
            return;
        }
        if endpoints.missing.is_empty() {
            return;
        }
        let missing = endpoints.missing.clone();
        let (n_listed, n_running) = (endpoints.listed.len() as f64, endpoints.n_running);
        let n_current = endpoints.listed.len() - endpoints.n_stale;
        let share = self.share_of_missing(index, missing.len() as f64, n_listed);
        for cohort in arrived {
            let n = binomial(cohort.n, share, self.draws.next_u64());
            let (mut away, mut stay) = cohort.split(n, share);
            let mut pods_left = missing.len() as f64;
            for &(pod, how, stale) in &missing {
                let part = 1.0 / pods_left;
                pods_left -= 1.0;
                let n = if 1.0 <= part {
                    away.n
                } else {
                    binomial(away.n, part, self.draws.next_u64())
                };
                let (here, others) = away.split(n, part);
                away = others;
                let failing = self.failing_on(pod, how, stale, here.n);
                self.fail_at(index, &here, failing, AttemptFailure::Lost(how), step);
                let again = here.n - failing;
                if again == 0 && 0 < here.n {
                    continue;
                }
                if 0 < n_running && 0 < n_current && stale {
                    stay.n += again;
                    stay.mean += here.mean * (again as f64 / here.n.max(1) as f64);
                } else if n_current == 0 {
                    self.fail_at(index, &here, again, AttemptFailure::NoPod, step);
                } else {
                    self.fail_at(index, &here, again, AttemptFailure::Lost(how), step);
                }
            }
            *cohort = stay;
        }
    }

    /// How many of `n` attempts at a pod that is gone fail there: all that are sent there anew,
    /// and of connections that are left over, as many as there are.
    fn failing_on(&mut self, pod: u32, how: Kill, stale: bool, n: u64) -> u64 {
        // An endpoint whose process has not started yet refuses, and nobody is connected to it.
        let mut none = 0;
        let left = self.pods.get_mut(pod as usize).map_or(&mut none, |pod| &mut pod.stale_failures);
        let failing = match (stale, how) {
            (false, _) => n,
            (true, Kill::Reset) => 0,
            (true, Kill::Silent) => n.min(u64::from(*left)),
        };
        if *left != u32::MAX {
            *left = left.saturating_sub(n.min(u64::from(u32::MAX)) as u32);
        }
        failing
    }

    /// The share of requests that go to pods that do not serve. To a balancer that counts, they
    /// look idle.
    fn share_of_missing(&self, index: usize, missing: f64, listed: f64) -> f64 {
        match self.deployments[index].balancer {
            Balancer::Random | Balancer::RoundRobin => missing / listed,
            Balancer::PowerOfTwo => {
                let others = listed - missing;
                1.0 - others * (others - 1.0).max(0.0) / (listed * (listed - 1.0).max(1.0))
            }
            Balancer::LeastOutstanding => 1.0,
        }
    }

    /// The pods of a deployment take in what arrived and go on with what they have.
    fn work(&mut self, index: usize, arrived: &[Cohort], from_s: f64, to_s: f64) {
        let n: u64 = arrived.iter().map(|cohort| cohort.n).sum();
        let mean: f64 = arrived.iter().map(|cohort| cohort.mean).sum();
        let deployment = &self.deployments[index];
        if n == 0 && mean == 0.0 && deployment.groups.iter().all(|group| group.idles()) {
            return;
        }
        let step = deployment.next_step();
        let pods: f64 = deployment.groups.iter().filter(|g| g.accepting).map(|g| g.size()).sum();
        let mut load = StepLoad { n_left: n, pods, pods_left: pods, ..StepLoad::default() };
        load.per_pod = if 0.0 < pods { mean / pods } else { 0.0 };
        self.done.clear();
        let n_steps = self.deployments[index].steps.len() + 1;
        self.done.resize(n_steps, 0);
        for group in 0..self.deployments[index].groups.len() {
            self.work_group(index, group, step, (from_s, to_s), &mut load);
        }
        assert!(load.n_left == 0 || pods == 0.0, "every attempt has a pod");
        self.admit(index, arrived, (from_s, to_s), &load);
        self.finish(index, (from_s, to_s), &load);
        self.deployments[index].forget_empty_steps();
    }

    /// One group in one step: takes its part of the arrivals, and finishes what its workers do.
    fn work_group(
        &mut self,
        index: usize,
        group: usize,
        step: u64,
        (from_s, to_s): (f64, f64),
        load: &mut StepLoad,
    ) {
        let deployment = &mut self.deployments[index];
        let service_s = deployment.service.mean_s;
        let pooled = deployment.pooled();
        let impatient = deployment.is_impatient(deployment.groups[group].station);
        let first_step = deployment.first_step;
        let mut state = deployment.groups[group].state;
        let unit_s = service_s * deployment.groups[group].slowness;
        let length_s = to_s - from_s;
        let accepting = deployment.groups[group].accepting;
        let per_pod = if accepting { load.per_pod } else { 0.0 };
        let rate = per_pod * pooled * (unit_s / length_s);
        let curve = deployment.curve(deployment.groups[group].station);
        let before = state.present;
        state = curve.after(state.present, rate, length_s / unit_s);
        let group = &mut deployment.groups[group];
        let size = group.size();
        let mut n = 0;
        if accepting {
            let share = size / load.pods_left;
            n = if 1.0 <= share {
                load.n_left
            } else {
                binomial(load.n_left, share, self.draws.next_u64())
            };
            load.n_left -= n;
            load.pods_left -= size;
        }
        group.refused_part += n as f64 * state.refused;
        let refused = (group.refused_part as u64).min(n);
        group.refused_part -= refused as f64;
        let taken = n - refused;
        group.add(step, taken);
        let Admitted { taken: all_taken, refused: all_refused } = &mut load.admitted;
        *all_taken += taken;
        *all_refused += refused;
        if impatient {
            load.doomed += refused;
            if 0 < refused {
                group.doomed.push_back((step, refused));
            }
        }
        let left = if group.finish_s <= to_s {
            0
        } else {
            group.rounded(state.present * size / pooled).min(group.present)
        };
        let finished = group.present - left;
        let done = &mut self.done;
        group.take_first(finished, |step, n| done[(step - first_step) as usize] += n);
        group.state = state;
        group.busy_s += state.busy / pooled * length_s;
        group.finished += finished as f64 / size;
        let wait = Wait {
            share: state.waiting,
            mean_s: state.wait * unit_s,
            variance_s2: state.wait_variance * unit_s * unit_s,
        };
        load.gather(taken, wait, finished, unit_s);
        let change = (state.present - before).abs() / (1.0 + state.present.max(before));
        load.unrest = load.unrest.max(change * size / load.pods.max(size));
    }

    /// Books what the groups took in and refused, spread evenly over the cohorts.
    fn admit(&mut self, index: usize, arrived: &[Cohort], step: (f64, f64), load: &StepLoad) {
        if arrived.is_empty() {
            return;
        }
        let no_pods = self.deployments[index].endpoints.n_running == 0;
        let wait = load.wait();
        let mut parts = Vec::with_capacity(arrived.len());
        let mut refused = if no_pods { 0 } else { load.admitted.refused };
        let mut rest = load.admitted.taken + load.admitted.refused;
        let is_doomed = 0 < load.doomed;
        for cohort in arrived.iter().filter(|cohort| 0 < cohort.n) {
            if no_pods {
                // All endpoints were missing, and that is where they went.
                continue;
            }
            let away = proportional(&mut refused, cohort.n, &mut rest);
            let n = cohort.n - away;
            let doomed = if is_doomed { away } else { 0 };
            self.fail_at(index, cohort, away - doomed, AttemptFailure::QueueFull, step);
            let (mut timely, mut hung) = (n, 0);
            let service = self.deployments[index].service;
            if service.reads.hangs || service.writes.hangs {
                let writes = self.lanes[usize::from(cohort.lane)].writes;
                let share = f64::from(u8::from(service.reads.hangs)) * (1.0 - writes)
                    + f64::from(u8::from(service.writes.hangs)) * writes;
                hung = binomial(timely, share, self.draws.next_u64());
                timely -= hung;
            }
            let share = self.late_share(index, cohort, wait);
            let late =
                if share <= 0.0 { 0 } else { binomial(timely, share, self.draws.next_u64()) };
            timely -= late;
            let cohort = *cohort;
            parts.push(Inside { cohort, timely, late, hung, zombies: 0, doomed });
        }
        let present = parts.iter().map(Inside::present).sum();
        let waits_in_vain = |part: &&Inside| 0 < part.late + part.hung + part.doomed;
        let give_up_s =
            |part: &Inside| self.lanes[usize::from(part.cohort.lane)].give_up_s(&part.cohort);
        let due_s = parts.iter().filter(waits_in_vain).map(give_up_s).fold(f64::INFINITY, f64::min);
        self.deployments[index].steps.push_back(Step { present, parts, wait, due_s });
    }

    /// The share of a cohort that gets a worker in time but its answer too late.
    fn late_share(&self, index: usize, cohort: &Cohort, wait: Wait) -> f64 {
        let lane = &self.lanes[usize::from(cohort.lane)];
        let deployment = &self.deployments[index];
        let patience_s = lane.give_up_s(cohort) - cohort.send_s;
        let left_s = patience_s - 2.0 * lane.one_way_s;
        let slower = deployment.service.slower * self.slowness_of(index);
        let longest_s =
            if 0.0 < wait.share { wait.mean_s + DEVIATIONS * wait.variance_s2.sqrt() } else { 0.0 };
        if longest_s + deployment.cells.longest_s * slower < left_s {
            return 0.0;
        }
        let later_than = |time_s: f64| {
            if time_s <= 0.0 { 1.0 } else { 1.0 - deployment.law.cdf(time_s / slower) }
        };
        let dropped_s = match deployment.on_timeout {
            OnTimeout::Serve => f64::INFINITY,
            OnTimeout::DropQueued | OnTimeout::Cancel => patience_s,
        };
        let share_after = |end_s: f64| {
            let mut share = (1.0 - wait.share) * later_than(end_s);
            if 0.0 < wait.share {
                wait.cells(Grain::Coarse, |weight, wait_s| {
                    share += wait.share * weight * later_than(end_s - wait_s.min(dropped_s));
                });
            }
            share
        };
        let late = share_after(left_s);
        if deployment.on_timeout != OnTimeout::Cancel {
            return late;
        }
        // What would not be done by the time-out is cut short, and its worker does another one
        // instead: of those who are done, some answers are late by the way back.
        let cut = share_after(patience_s);
        if cut < 1.0 { ((late - cut) / (1.0 - cut)).max(0.0) } else { 0.0 }
    }

    /// What the pods' speed makes of a second of work.
    fn slowness_of(&self, index: usize) -> f64 {
        self.deployments[index].groups.first().map_or(1.0, |group| group.slowness)
    }

    /// Books what the groups have finished, oldest steps first.
    fn finish(&mut self, index: usize, (from_s, to_s): (f64, f64), load: &StepLoad) {
        let mut leaving = Leaving::default();
        let mut writes = 0.0;
        let done = std::mem::take(&mut self.done);
        for (offset, &finished) in done.iter().enumerate().filter(|(_, n)| 0 < **n) {
            let wait = self.deployments[index].steps[offset].wait;
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
                let cohort = inside.cohort;
                leaving.served += timely + late + zombies;
                leaving.aborted += hung;
                leaving.zombie_ns += nanos_of(zombies as f64 * load.unit_s());
                writes += (timely + late) as f64 * self.lanes[usize::from(cohort.lane)].writes;
                self.answer(&cohort, timely, wait);
                self.answer_late(&cohort, late, hung);
            }
            assert!(left == 0, "what is finished was there");
        }
        self.done = done;
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
        let wait = load.wait();
        let deployment = &mut self.deployments[index];
        deployment.waited_part += n as f64 * wait.share;
        leaving.waited = (deployment.waited_part as u64).min(n);
        deployment.waited_part -= leaving.waited as f64;
        leaving.wait_ns = nanos_of(n as f64 * wait.share * wait.mean_s);
        leaving.busy_ns = nanos_of(n as f64 * load.unit_s());
        let account = self.ledger.deployment_mut(index);
        account.left_many(from_s, &leaving);
        if account.records_waits() && 0.0 <= from_s {
            deployment.waits.add(n, wait);
        }
        self.unrest.change = self.unrest.change.max(load.unrest);
    }

    /// `n` users of a cohort have their answer.
    pub(super) fn answer(&mut self, cohort: &Cohort, n: u64, wait: Wait) {
        if n == 0 {
            return;
        }
        let lane = usize::from(cohort.lane);
        self.ledger.demand_mut(self.lanes[lane].demand).served_many(cohort.first_s, n);
        if let Some(window) = window_of(cohort.first_s) {
            let after_s = (cohort.send_s - cohort.first_s - cohort.lag_s).max(0.0);
            self.tell_latency(lane, window, n, (wait, after_s));
        }
    }

    /// `n` users of a lane were served, whose first sends are in this window.
    pub(super) fn tell_latency(&mut self, lane: usize, window: usize, n: u64, after: (Wait, f64)) {
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
        account.latency_of(mixture, window, n, after);
    }
}

/// What a step brings to the groups of a deployment.
#[derive(Clone, Copy, Debug, Default)]
struct StepLoad {
    n_left: u64,
    /// Pods that take requests, and those of them that have not got theirs.
    pods: f64,
    pods_left: f64,
    /// Requests to expect at each pod.
    per_pod: f64,
    admitted: Admitted,
    doomed: u64,
    /// Weights of the sums.
    taken: f64,
    waiting: f64,
    wait_s: f64,
    square_s2: f64,
    finished: f64,
    work_s: f64,
    /// As the change of [`Unrest`](super::Unrest).
    unrest: f64,
}

impl StepLoad {
    fn gather(&mut self, taken: u64, wait: Wait, finished: u64, unit_s: f64) {
        // A little weight for groups that take nothing, so that there is always a mean.
        let taken = taken as f64 + 1e-9;
        let waiting = taken * wait.share;
        self.taken += taken;
        self.waiting += waiting;
        self.wait_s += waiting * wait.mean_s;
        self.square_s2 += waiting * (wait.variance_s2 + wait.mean_s * wait.mean_s);
        let finished = finished as f64 + 1e-9;
        self.finished += finished;
        self.work_s += finished * unit_s;
    }

    /// The wait of what was taken in, over all groups.
    fn wait(&self) -> Wait {
        if self.waiting <= 0.0 {
            return Wait::default();
        }
        let mean_s = self.wait_s / self.waiting;
        Wait {
            share: self.waiting / self.taken,
            mean_s,
            variance_s2: (self.square_s2 / self.waiting - mean_s * mean_s).max(0.0),
        }
    }

    /// Mean time that a finished request took.
    fn unit_s(&self) -> f64 {
        if 0.0 < self.finished { self.work_s / self.finished } else { 0.0 }
    }
}
