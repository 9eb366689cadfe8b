//! Processes of pods: they begin, end, drain, lose their clients and change their speed.

use crate::model::ids::PodId;
use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::units::Time;

use super::sends::Cohort;
use super::{Flow, Group, Pod, Process, STRUCK_PACE};

impl Flow {
    pub(super) fn make_room(&mut self, pod: usize) {
        if self.pods.len() <= pod {
            self.pods.resize(pod + 1, Pod::ABSENT);
        }
    }

    /// A process begins.
    pub(super) fn begin(&mut self, pod: usize, deployment: usize) {
        self.make_room(pod);
        assert!(self.pods[pod].is_gone(), "pod {pod} runs already");
        let state = &mut self.deployments[deployment];
        let slowness = 1.0 / state.speed;
        let station = state.station(slowness);
        let group = Group::started(pod as u32, slowness, station, &mut self.draws);
        state.groups.push(group);
        let group = state.groups.len() - 1;
        let finished = self.pods[pod].finished;
        let before = self.pods[pod];
        self.pods[pod] = Pod {
            deployment: deployment as u32,
            process: Process::Runs,
            group,
            busy_s: 0.0,
            finished,
            stale_failures: 0,
            ..before
        };
        self.refresh_endpoints(deployment);
    }

    /// Whether a process has nothing to do and no balancer knows it: what befalls it changes
    /// nothing else.
    fn is_apart(&self, pod: usize) -> bool {
        let Some((state, group)) = self.group_of(pod) else { return false };
        let listed = &self.deployments[state.deployment as usize].endpoints.listed;
        group.idles() && group.doomed.is_empty() && !listed.contains(&(pod as u32))
    }

    /// A process ends.
    pub(super) fn kill(&mut self, pod: usize, how: Kill) {
        let Some(state) = self.pods.get(pod) else { return };
        if state.is_gone() {
            self.pods[pod].process = Process::Gone(how);
            let deployment = self.pods[pod].deployment as usize;
            if self.deployments[deployment].endpoints.missing.iter().any(|m| m.0 == pod as u32) {
                self.settle(STRUCK_PACE);
                self.refresh_endpoints(deployment);
            }
            return;
        }
        if !self.is_apart(pod) {
            self.settle(STRUCK_PACE);
        }
        let deployment = self.pods[pod].deployment as usize;
        let group = self.isolate(pod);
        self.pods[pod].busy_s += self.deployments[deployment].groups[group].busy_s;
        self.pods[pod].finished += self.deployments[deployment].groups[group].finished;
        self.pods[pod].process = Process::Gone(how);
        self.pods[pod].stale_failures = self.deployments[deployment].stale_failures;
        let gone = self.remove_group(deployment, group);
        let now_s = self.now.as_secs_f64();
        let mut lost_in_all = 0;
        for (step, n) in gone.queue {
            self.lose(deployment, step, n, Some(how));
            lost_in_all += n;
        }
        for (step, n) in gone.doomed {
            lost_in_all += n;
            self.lose_doomed(deployment, step, n, how);
        }
        lost_in_all += self.lose_parked(deployment, Some(how));
        let lost = AttemptFailure::Lost(how);
        self.ledger.deployment_mut(deployment).failed_many(now_s, lost, lost_in_all);
        self.deployments[deployment].forget_empty_steps();
        self.refresh_endpoints(deployment);
    }

    /// A process takes nothing new; returns when it will have finished what it has.
    pub(super) fn drain(&mut self, pod: usize) -> Time {
        let Some(state) = self.pods.get(pod) else { return self.now };
        if state.is_gone() {
            return self.now;
        }
        self.settle(STRUCK_PACE);
        let deployment = self.pods[pod].deployment as usize;
        self.pods[pod].process = Process::Drains;
        let group = self.isolate(pod);
        let wait_s = self.wait_at(pod);
        let state = &self.deployments[deployment];
        let this = &state.groups[group];
        if this.present == 0 {
            self.deployments[deployment].groups[group].finish_s = self.now.as_secs_f64();
            self.refresh_endpoints(deployment);
            return self.now;
        }
        // The longest of as many services as there are workers busy, in the middle of its law.
        let busy = (this.present as f64).min(state.workers).max(1.0);
        let slower = state.service.slower * this.slowness;
        let longest_s = state.law.quantile(1.0 - 0.5 / busy) * slower + state.longest_calling_s();
        let done = Time::from_secs_f64(self.now.as_secs_f64() + wait_s + longest_s);
        let done = done.max(self.now);
        self.deployments[deployment].groups[group].finish_s = done.as_secs_f64();
        self.refresh_endpoints(deployment);
        done
    }

    /// Every client of a pod's requests loses its connection; the pod works on, for nobody.
    pub(super) fn sever(&mut self, pod: usize, how: Kill) {
        if self.pods.get(pod).is_none_or(Pod::is_gone) {
            return;
        }
        self.settle(STRUCK_PACE);
        let deployment = self.pods[pod].deployment as usize;
        let group = self.isolate(pod);
        let queue = self.deployments[deployment].groups[group].queue.clone();
        for (step, n) in queue {
            self.sever_in(deployment, step, n, how);
        }
    }

    /// From now on a pod works at another speed.
    pub(super) fn change_speed(&mut self, pod: usize, speed: f64) {
        let slowness = 1.0 / speed;
        let Some(state) = self.pods.get(pod) else { return };
        let deployment = state.deployment as usize;
        if state.is_gone() || self.deployments[deployment].groups[state.group].slowness == slowness
        {
            return;
        }
        if !self.is_apart(pod) {
            self.settle(STRUCK_PACE);
        }
        let group = self.isolate(pod);
        let station = self.deployments[deployment].station(slowness);
        let present = self.deployments[deployment].groups[group].state.present;
        let doomed = std::mem::take(&mut self.deployments[deployment].groups[group].doomed);
        let mut again = 0.0;
        for (step, n) in doomed {
            again += self.spare(deployment, group, step, n) as f64;
        }
        let state = self.deployments[deployment].curve(station).with(present + again);
        let this = &mut self.deployments[deployment].groups[group];
        (this.slowness, this.station, this.state) = (slowness, station, state);
        self.reconsider(deployment, group);
    }

    /// At another speed, other requests of a group are answered in time.
    fn reconsider(&mut self, deployment: usize, group: usize) {
        let state = &mut self.deployments[deployment];
        let unit_s = state.taken_s(state.groups[group].slowness);
        let workers = state.workers * state.groups[group].size();
        let now_s = self.now.as_secs_f64();
        let mut ahead = 0.0;
        for (step, n) in state.groups[group].queue.clone() {
            // The middle of them leaves when all before it have.
            let middle = ahead + 0.5 * n as f64;
            ahead += n as f64;
            let finish_s = now_s + unit_s * (middle / workers).max(1.0);
            let this = state.step_mut(step);
            for part in &mut this.parts {
                let lane = &self.lanes[usize::from(part.cohort.lane)];
                let give_up_s = lane.give_up_s(&part.cohort);
                let waiting = part.timely + part.late;
                if finish_s + lane.one_way_s <= give_up_s {
                    (part.timely, part.late) = (waiting, 0);
                } else {
                    (part.timely, part.late) = (0, waiting);
                    this.due_s = this.due_s.min(give_up_s);
                }
            }
        }
    }

    /// Requests that were to give up may get their turn in time after all.
    fn spare(&mut self, deployment: usize, group: usize, step: u64, n: u64) -> u64 {
        let state = &mut self.deployments[deployment];
        let this = state.step_mut(step);
        let mut rest: u64 = this.parts.iter().map(|part| part.doomed).sum();
        let mut left = n.min(rest);
        let spared = left;
        for part in &mut this.parts {
            let some = super::counts::proportional(&mut left, part.doomed, &mut rest);
            part.doomed -= some;
            part.timely += some;
        }
        this.present += spared;
        let group = &mut state.groups[group];
        let at = group.queue.partition_point(|(known, _)| *known < step);
        match group.queue.get_mut(at) {
            Some(entry) if entry.0 == step => entry.1 += spared,
            _ => group.queue.insert(at, (step, spared)),
        }
        group.present += spared;
        spared
    }

    /// `n` requests of a step are lost with their pod, or only their clients are.
    fn lose(&mut self, deployment: usize, step: u64, n: u64, how: Option<Kill>) {
        let this = self.deployments[deployment].step_mut(step);
        let mut rest = this.present;
        let mut left = n;
        this.present -= n;
        let n_parts = this.parts.len();
        for part in 0..n_parts {
            let inside = &mut self.deployments[deployment].step_mut(step).parts[part];
            let kinds = [inside.timely, inside.late, inside.hung, inside.zombies];
            let [timely, late, hung, zombies] =
                kinds.map(|n| super::counts::proportional(&mut left, n, &mut rest));
            inside.timely -= timely;
            inside.late -= late;
            inside.hung -= hung;
            inside.zombies -= zombies;
            let cohort = inside.cohort;
            if let Some(how) = how {
                self.lose_clients(&cohort, timely + late + hung, how);
            }
        }
    }

    /// The clients of `n` requests of a step lose their connection.
    fn sever_in(&mut self, deployment: usize, step: u64, n: u64, how: Kill) {
        let this = self.deployments[deployment].step_mut(step);
        let mut rest = this.present;
        let mut left = n;
        let n_parts = this.parts.len();
        for part in 0..n_parts {
            let inside = &mut self.deployments[deployment].step_mut(step).parts[part];
            let kinds = [inside.timely, inside.late, inside.hung, inside.zombies];
            let [timely, late, hung, _] =
                kinds.map(|n| super::counts::proportional(&mut left, n, &mut rest));
            inside.timely -= timely;
            inside.late -= late;
            inside.hung -= hung;
            inside.zombies += timely + late + hung;
            let cohort = inside.cohort;
            self.lose_clients(&cohort, timely + late + hung, how);
        }
    }

    /// Clients are told of their loss, or find out by their time-out.
    pub(super) fn lose_clients(&mut self, cohort: &Cohort, n: u64, how: Kill) {
        let event_s = match how {
            Kill::Reset => self.now.as_secs_f64(),
            Kill::Silent => f64::INFINITY,
        };
        self.fail(cohort, n, Reason::PodLost, (event_s, 0.0));
    }

    fn lose_doomed(&mut self, deployment: usize, step: u64, n: u64, how: Kill) {
        let this = self.deployments[deployment].step_mut(step);
        let mut rest: u64 = this.parts.iter().map(|part| part.doomed).sum();
        let mut left = n.min(rest);
        for part in 0..this.parts.len() {
            let inside = &mut self.deployments[deployment].step_mut(step).parts[part];
            let lost = super::counts::proportional(&mut left, inside.doomed, &mut rest);
            inside.doomed -= lost;
            let cohort = inside.cohort;
            self.lose_clients(&cohort, lost, how);
        }
    }

    /// Servers find `n` requests of a step abandoned at their turn.
    pub(super) fn drop_doomed(&mut self, deployment: usize, step: u64, n: u64, at_s: f64) {
        let mut left = n;
        for group in &mut self.deployments[deployment].groups {
            if let Some(entry) = group.doomed.iter_mut().find(|(known, _)| *known == step) {
                let some = left.min(entry.1);
                entry.1 -= some;
                left -= some;
            }
            group.doomed.retain(|(_, n)| 0 < *n);
        }
        let account = self.ledger.deployment_mut(deployment);
        account.failed_many(at_s, AttemptFailure::Dropped, n);
    }

    /// The group of a pod, in which it is alone from now on.
    fn isolate(&mut self, pod: usize) -> usize {
        let Pod { deployment, group, .. } = self.pods[pod];
        let groups = &mut self.deployments[deployment as usize].groups;
        if groups[group].pods.len() == 1 {
            return group;
        }
        let alone = groups[group].split_off(pod as u32, &mut self.draws);
        groups.push(alone);
        self.pods[pod].group = groups.len() - 1;
        groups.len() - 1
    }

    fn remove_group(&mut self, deployment: usize, group: usize) -> Group {
        let groups = &mut self.deployments[deployment].groups;
        let removed = groups.swap_remove(group);
        if let Some(moved) = groups.get(group) {
            for &pod in &moved.pods {
                self.pods[pod as usize].group = group;
            }
        }
        removed
    }

    /// Learns which of the listed endpoints serve, and puts pods that do not get requests apart.
    pub(super) fn refresh_endpoints(&mut self, index: usize) {
        let pods = &self.pods;
        let deployment = &mut self.deployments[index];
        let endpoints = &mut deployment.endpoints;
        let n_current = endpoints.listed.len() - endpoints.n_stale;
        endpoints.missing.clear();
        endpoints.n_running = 0;
        for (place, &pod) in endpoints.listed.iter().enumerate() {
            match pods.get(pod as usize).map_or(Process::Gone(Kill::Reset), |pod| pod.process) {
                Process::Runs => endpoints.n_running += 1,
                Process::Drains => {
                    endpoints.missing.push((pod, Kill::Reset, n_current <= place));
                }
                Process::Gone(how) => endpoints.missing.push((pod, how, n_current <= place)),
            }
        }
        let mut listed = vec![false; pods.len()];
        for &pod in &endpoints.listed {
            if let Some(listed) = listed.get_mut(pod as usize) {
                *listed = true;
            }
        }
        let accepts =
            |pod: u32| listed[pod as usize] && pods[pod as usize].process == Process::Runs;
        let mut apart = Vec::new();
        for group in &mut deployment.groups {
            let accepting = group.pods.iter().filter(|pod| accepts(**pod)).count();
            if accepting == 0 || accepting == group.pods.len() {
                group.accepting = 0 < accepting;
            } else {
                let few = 2 * accepting <= group.pods.len();
                group.accepting = !few;
                apart.extend(group.pods.iter().copied().filter(|pod| accepts(*pod) == few));
            }
        }
        for pod in apart {
            let was = self.pods[pod as usize].group;
            let accepting = !self.deployments[index].groups[was].accepting;
            let alone = self.isolate(pod as usize);
            self.deployments[index].groups[alone].accepting = accepting;
        }
        self.deployments[index].refresh_stations();
    }

    /// Puts groups together that have become alike.
    pub(super) fn join_groups(&mut self) {
        for index in 0..self.deployments.len() {
            let mut first = 0;
            while first + 1 < self.deployments[index].groups.len() {
                let mut other = first + 1;
                while other < self.deployments[index].groups.len() {
                    let groups = &self.deployments[index].groups;
                    if groups[first].is_like(&groups[other]) {
                        self.join(index, first, other);
                    } else {
                        other += 1;
                    }
                }
                first += 1;
            }
        }
    }

    fn join(&mut self, deployment: usize, first: usize, other: usize) {
        let joining = self.remove_group(deployment, other);
        let (busy_s, finished) = (joining.busy_s, joining.finished);
        let group = &mut self.deployments[deployment].groups[first];
        for &pod in &joining.pods {
            let pod = &mut self.pods[pod as usize];
            pod.group = first;
            pod.busy_s += busy_s - group.busy_s;
            pod.finished += finished - group.finished;
        }
        group.absorb(joining);
    }

    fn group_of(&self, pod: usize) -> Option<(&Pod, &Group)> {
        let pod = self.pods.get(pod).filter(|pod| !pod.is_gone())?;
        Some((pod, &self.deployments[pod.deployment as usize].groups[pod.group]))
    }

    /// The virtual wait of a pod [s].
    pub(super) fn wait_at(&self, pod: usize) -> f64 {
        let Some((pod, group)) = self.group_of(pod) else { return f64::INFINITY };
        self.wait_of(pod.deployment as usize, group)
    }

    fn wait_of(&self, deployment: usize, group: &Group) -> f64 {
        let deployment = &self.deployments[deployment];
        let queued = (group.state.present - group.state.busy).max(0.0) / deployment.pooled();
        queued / deployment.workers * deployment.work_s(group)
    }

    /// Finds pods whose virtual wait has risen above their threshold.
    pub(super) fn look_for_slow_pods(&mut self) {
        let mut any_above = false;
        for deployment in 0..self.deployments.len() {
            for group in 0..self.deployments[deployment].groups.len() {
                let this = &self.deployments[deployment].groups[group];
                let wait_s = self.wait_of(deployment, this);
                if wait_s <= self.least_threshold_s && !self.any_above {
                    continue;
                }
                for place in 0..this.pods.len() {
                    let id = self.deployments[deployment].groups[group].pods[place] as usize;
                    let pod = &mut self.pods[id];
                    let above = pod.threshold_s < wait_s;
                    if above && !pod.above {
                        self.slow.push(PodId::new(id));
                    }
                    pod.above = above;
                    any_above |= above;
                }
            }
        }
        self.any_above = any_above;
    }

    /// How long the workers of a pod have been busy [worker seconds].
    pub(super) fn busy_of(&self, pod: usize) -> f64 {
        let Some((pod, group)) = self.group_of(pod) else {
            return self.pods.get(pod).map_or(0.0, |pod| pod.busy_s);
        };
        let pooled = self.deployments[pod.deployment as usize].pooled();
        let since_s = (self.now - self.done_until).as_secs_f64();
        let working = self.deployments[pod.deployment as usize].working_part(group.slowness);
        pod.busy_s + group.busy_s + group.state.busy / pooled * since_s * working
    }

    /// Requests that a pod has finished since the start of the run.
    pub(super) fn finished_by(&self, pod: usize) -> u64 {
        let finished = match self.group_of(pod) {
            Some((pod, group)) => pod.finished + group.finished,
            None => self.pods.get(pod).map_or(0.0, |pod| pod.finished),
        };
        finished.max(0.0) as u64
    }

    /// Requests that a pod serves or queues.
    pub(super) fn present_in(&self, pod: usize) -> u64 {
        let Some((_, group)) = self.group_of(pod) else { return 0 };
        let rank = group.pods.iter().position(|other| *other as usize == pod);
        group.share_of(rank.expect("a pod is in its group"))
    }

    /// Writes the waits of all deployments into the ledger.
    pub(super) fn flush_waits(&mut self) {
        for (index, deployment) in self.deployments.iter_mut().enumerate() {
            let account = self.ledger.deployment_mut(index);
            if account.records_waits() {
                deployment.waits.flush(|bin, n| account.waits_many(bin, n));
            }
        }
    }
}
