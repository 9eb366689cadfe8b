//! A deployment at run time: its stations, its groups of pods, and what arrived in which step.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::sim::laws::Law;
use crate::traffic::Kill;
use crate::traffic::ledger::cells::{ServiceCells, Wait};
use crate::traffic::plan::{Balancer, DeploymentPlan, OnTimeout};
use crate::traffic::routing::{DependencyEffect, DependencyEffects, DependencyFailure};

use super::calling::Calling;
use super::curve::{Curve, Station};
use super::groups::Group;
use super::sends::Cohort;
use super::waits::Waits;

/// Pods that a balancer by load treats as one queue: beyond eight, more make no difference.
const POOLED_BY_LEAST: f64 = 8.0;

/// Pods that the choice of the better of two makes as good as one queue: its mean sojourn lies
/// between those of M/M/3 and M/M/7 from 80 % to 95 % load. Of pods with room for few requests,
/// fewer: it refuses where both have none left. Pods, and up to which room of one.
const POOLED_BY_TWO: [(f64, f64); 3] = [(2.0, 2.0), (3.0, 10.0), (4.0, f64::INFINITY)];

/// Arrivals are never quite regular.
const LEAST_PEAKEDNESS: f64 = 0.05;

/// One workload in one cluster.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) workers: f64,
    pub(super) places: f64,
    pub(super) on_timeout: OnTimeout,
    pub(super) balancer: Balancer,
    pub(super) speed: f64,
    pub(super) stale_failures: u32,
    pub(super) counts_writes: bool,
    pub(super) law: Law,
    law_mean_s: f64,
    law_scv: f64,
    /// Squared coefficient of variation of the gaps between its requests.
    pub(super) gap_scv: f64,
    /// A server drops what waits longer [s].
    pub(super) patience_s: f64,
    pub(super) cells: Arc<ServiceCells>,
    pub(super) service: Service,
    /// What its requests wait for after their own work, if they call.
    pub(super) calling: Option<Box<Calling>>,
    /// How long a worker waits for the calls of a request, and the variance [s, s²]; nothing where
    /// it waits for none.
    pub(super) held_s: f64,
    pub(super) held_variance_s2: f64,
    /// The share of its requests that comes from callers with no worker left.
    pub(super) pressed: f64,
    /// The largest share of requests that wait for a worker, here or at any that it calls.
    pub(super) jam: f64,
    effects: DependencyEffects,
    /// Stations in use, with their curves.
    pub(super) stations: Vec<(Station, Curve)>,
    pub(super) groups: Vec<Group>,
    pub(super) endpoints: Endpoints,
    /// What arrived and is not gone, by step.
    pub(super) steps: VecDeque<Step>,
    /// Number of the first of them.
    pub(super) first_step: u64,
    pub(super) arrived: Vec<Cohort>,
    /// Attempts to be expected in this step so far, and in a second of the last one [1/s].
    pub(super) coming: f64,
    pub(super) came: f64,
    /// Attempts at pods that are gone without a word, by when they are given up [s].
    pub(super) hung: Vec<(f64, u64)>,
    pub(super) waits: Waits,
    /// Parts of attempts that waited, and of abandoned work, that were not counted yet.
    pub(super) waited_part: f64,
}

/// What a request takes of a worker, dependencies included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Service {
    /// Mean at speed 1 [s].
    pub(super) mean_s: f64,
    scv: f64,
    /// The part of the mean that its own work takes, relative to the law's mean.
    pub(super) slower: f64,
    pub(super) reads: Effect,
    pub(super) writes: Effect,
}

/// What dependencies do to a class of requests: the shares that fail at once or hang.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Effect {
    pub(super) refused: bool,
    pub(super) hangs: bool,
}

/// The endpoints of the balancer.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints {
    /// As the routing table has them.
    pub(super) listed: Vec<u32>,
    /// How many at the end get no new connections.
    pub(super) n_stale: usize,
    /// Listed pods that run.
    pub(super) n_running: usize,
    /// Listed pods that do not: pod, how it went, whether it is stale.
    pub(super) missing: Vec<(u32, Kill, bool)>,
}

/// What arrived in one step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Of those who are served or wait.
    pub(super) present: u64,
    pub(super) parts: Vec<Inside>,
    pub(super) wait: Wait,
    /// When the first of those who will not be answered in time give up [s].
    pub(super) due_s: f64,
}

/// Those of a cohort who are in pods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    pub(super) cohort: Cohort,
    /// Will be answered in time.
    pub(super) timely: u64,
    /// Will be answered too late.
    pub(super) late: u64,
    /// Will not be answered, because a dependency hangs.
    pub(super) hung: u64,
    /// Nobody waits for them any more.
    pub(super) zombies: u64,
    /// Will have given up before their turn, and then take no worker.
    pub(super) doomed: u64,
    /// Those who will be answered in time wait and are served within this; infinite if all are
    /// [s].
    pub(super) within_s: f64,
}

impl Inside {
    pub(super) const fn present(&self) -> u64 {
        self.timely + self.late + self.hung + self.zombies
    }
}

impl Deployment {
    /// `cells` are those of its law of service.
    pub(super) fn new(
        plan: &DeploymentPlan,
        cells: Arc<ServiceCells>,
        gap_scv: f64,
        patience_s: f64,
    ) -> Self {
        let effect = Effect { refused: false, hangs: false };
        let (law_mean_s, law_scv) = (plan.law.mean_s(), plan.law.scv());
        Self {
            workers: f64::from(plan.workers),
            places: if plan.queue == u32::MAX { f64::INFINITY } else { f64::from(plan.queue) },
            on_timeout: plan.on_timeout,
            balancer: plan.balancer,
            speed: plan.speed,
            stale_failures: plan.stale_failures,
            counts_writes: plan.counts_writes,
            law: plan.law.clone(),
            law_mean_s,
            law_scv,
            gap_scv,
            patience_s,
            cells,
            service: Service {
                mean_s: law_mean_s,
                scv: law_scv,
                slower: 1.0,
                reads: effect,
                writes: effect,
            },
            calling: None,
            held_s: 0.0,
            held_variance_s2: 0.0,
            pressed: 0.0,
            jam: 0.0,
            effects: DependencyEffects::default(),
            stations: Vec::new(),
            groups: Vec::new(),
            endpoints: Endpoints::default(),
            steps: VecDeque::new(),
            first_step: 0,
            arrived: Vec::new(),
            coming: 0.0,
            came: 0.0,
            hung: Vec::new(),
            waits: Waits::default(),
            waited_part: 0.0,
        }
    }

    /// Whether requests are served as if they needed nothing.
    pub(super) fn is_unhindered(&self) -> bool {
        self.effects.is_nothing()
    }

    /// Whether these effects are the present ones.
    pub(super) fn knows(&self, effects: Option<&DependencyEffects>) -> bool {
        effects.copied().unwrap_or_default() == self.effects
    }

    /// Takes on what dependencies do, with this share of writes; whether that changes anything.
    pub(super) fn set_effects(&mut self, effects: Option<&DependencyEffects>, writes: f64) -> bool {
        let none = DependencyEffects::default();
        let effects = effects.unwrap_or(&none);
        self.effects = *effects;
        let service = self.service_under(effects, writes);
        let changed = service != self.service;
        self.service = service;
        if changed {
            self.refresh_stations();
        }
        changed
    }

    fn service_under(&self, effects: &DependencyEffects, writes: f64) -> Service {
        let class = |effect: &DependencyEffect| {
            let (mean, square) =
                (self.law_mean_s, self.law_mean_s * self.law_mean_s * (1.0 + self.law_scv));
            let DependencyEffect { slower, added_s, .. } = *effect;
            match effect.failing {
                DependencyFailure::None => {
                    let moment = square * slower * slower
                        + 2.0 * mean * slower * added_s
                        + added_s * added_s;
                    (mean * slower + added_s, moment, 1.0)
                }
                DependencyFailure::Hangs { held_s } => (held_s, held_s * held_s, 1.0),
                DependencyFailure::Refused => (0.0, 0.0, 0.0),
            }
        };
        let [reads, written] = [&effects.reads, &effects.writes].map(class);
        let mix = |a: f64, b: f64| a * (1.0 - writes) + b * writes;
        let served = mix(reads.2, written.2);
        let effect = |effect: &DependencyEffect| Effect {
            refused: effect.failing == DependencyFailure::Refused,
            hangs: matches!(effect.failing, DependencyFailure::Hangs { .. }),
        };
        let (reads_do, writes_do) = (effect(&effects.reads), effect(&effects.writes));
        if served <= 0.0 || *effects == DependencyEffects::default() {
            return Service {
                mean_s: self.law_mean_s,
                scv: self.law_scv,
                slower: 1.0,
                reads: reads_do,
                writes: writes_do,
            };
        }
        let mean_s = mix(reads.0, written.0) / served;
        let square = mix(reads.1, written.1) / served;
        Service {
            mean_s,
            scv: (square / (mean_s * mean_s) - 1.0).max(0.0),
            slower: mean_s / self.law_mean_s,
            reads: reads_do,
            writes: writes_do,
        }
    }

    /// Pods that share a queue, as far as the balancer makes them.
    pub(super) fn pooled(&self) -> f64 {
        let pods = self.endpoints.n_running.max(1) as f64;
        match self.balancer {
            Balancer::Random | Balancer::RoundRobin => 1.0,
            Balancer::PowerOfTwo => {
                let room = self.workers + self.places;
                let fits = POOLED_BY_TWO.iter().find(|(_, most)| room <= *most);
                fits.expect("the last has no bound").0.min(pods)
            }
            Balancer::LeastOutstanding => POOLED_BY_LEAST.min(pods),
        }
    }

    /// Squared coefficient of variation of own work.
    pub(super) const fn service_scv(&self) -> f64 {
        self.service.scv
    }

    /// Nearly no request waits longer for its calls [s].
    pub(super) fn longest_calling_s(&self) -> f64 {
        self.calling.as_deref().map_or(0.0, Calling::longest_s)
    }

    /// How long a worker has a request at this slowness [s].
    pub(super) fn taken_s(&self, slowness: f64) -> f64 {
        self.service.mean_s * slowness + self.held_s
    }

    /// Squared coefficient of variation of that.
    pub(super) fn taken_scv(&self, slowness: f64) -> f64 {
        if self.held_s == 0.0 {
            return self.service.scv;
        }
        let (own_s, taken_s) = (self.service.mean_s * slowness, self.taken_s(slowness));
        (self.service.scv * own_s * own_s + self.held_variance_s2) / (taken_s * taken_s)
    }

    /// The part of it that a worker works.
    pub(super) fn working_part(&self, slowness: f64) -> f64 {
        if self.held_s == 0.0 {
            return 1.0;
        }
        self.service.mean_s * slowness / self.taken_s(slowness)
    }

    /// The number of the station of pods at this slowness.
    pub(super) fn station(&mut self, slowness: f64) -> usize {
        let pooled = self.pooled();
        let arrivals = match self.balancer {
            // Every n-th request of a Poisson stream.
            Balancer::RoundRobin => self.gap_scv / self.endpoints.n_running.max(1) as f64,
            _ => self.gap_scv,
        };
        let patience = match self.on_timeout {
            // Where those ahead are cut short at their time-out, everyone has a turn before theirs.
            OnTimeout::Serve | OnTimeout::Cancel => f64::INFINITY,
            OnTimeout::DropQueued => self.patience_s / self.taken_s(slowness),
        };
        let scv = self.taken_scv(slowness);
        let station = Station {
            servers: self.workers * pooled,
            places: self.places * pooled,
            patience,
            variability: 0.5 * (arrivals + scv),
            // Of renewal arrivals, for services between constant and exponential.
            peakedness: (1.0 + (arrivals - 1.0) / (1.0 + scv)).max(LEAST_PEAKEDNESS),
            overloaded: 0.5 * (arrivals + pooled * scv),
        };
        let station = if self.held_s == 0.0 { station } else { station.rounded() };
        let known = self.stations.iter().position(|(known, _)| *known == station);
        known.unwrap_or_else(|| self.add_station(station))
    }

    /// A new station, in the place of one that nobody needs where there are many: how long workers
    /// wait for calls changes all the time.
    fn add_station(&mut self, station: Station) -> usize {
        const MANY: usize = 64;
        let made = (station, Curve::new(&station));
        let is_free = |index: &usize| self.groups.iter().all(|group| group.station != *index);
        let free = (0..self.stations.len()).find(is_free);
        match free.filter(|_| self.held_s != 0.0 && MANY <= self.stations.len()) {
            // The oldest are in front.
            Some(free) => {
                self.stations[free] = made;
                free
            }
            None => {
                self.stations.push(made);
                self.stations.len() - 1
            }
        }
    }

    pub(super) fn curve(&self, station: usize) -> &Curve {
        &self.stations[station].1
    }

    /// Whether at a station patience ends before the places do.
    pub(super) fn is_impatient(&self, station: usize) -> bool {
        let station = &self.stations[station].0;
        station.servers * station.patience < station.places
    }

    /// Gives every group the station that fits the present service and number of pods.
    pub(super) fn refresh_stations(&mut self) {
        for index in 0..self.groups.len() {
            let before = self.stations.get(self.groups[index].station).map(|(s, _)| s.servers);
            let station = self.station(self.groups[index].slowness);
            let servers = self.stations[station].0.servers;
            let group = &mut self.groups[index];
            if group.station != station {
                // A station of more pods has as much more in it.
                let present = group.state.present * before.map_or(1.0, |before| servers / before);
                group.station = station;
                group.state = self.stations[station].1.with(present);
            }
        }
    }

    /// Forgets steps of which nobody is left.
    pub(super) fn forget_empty_steps(&mut self) {
        while let Some(first) = self.steps.front() {
            if first.present != 0 || first.parts.iter().any(|part| part.doomed != 0) {
                break;
            }
            self.steps.pop_front();
            self.first_step += 1;
        }
    }

    /// The step of a number.
    pub(super) fn step_mut(&mut self, step: u64) -> &mut Step {
        &mut self.steps[(step - self.first_step) as usize]
    }

    /// The number of the step that comes next.
    pub(super) fn next_step(&self) -> u64 {
        self.first_step + self.steps.len() as u64
    }
}
