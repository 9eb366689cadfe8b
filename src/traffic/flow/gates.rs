//! Gates as fluids: what a bucket holds and what flows into it during a step can pass in it.
//!
//! Places in progress are counted at the begin of a step, and free up in it as fast as requests
//! come to an end: where they bind, at most as many pass as end. Of few places, some requests find
//! none although the mean leaves some: those that Erlang's loss formula has lost with as many in
//! progress, as at a [station](super::curve) where nobody can wait.

use std::collections::VecDeque;

use crate::traffic::gate::{GateLimit, GatePlan, GateReading, Pass};
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::units::Span;

use super::Flow;
use super::counts::proportional;
use super::curve::{Curve, Station};
use super::sends::Cohort;

/// A gate at run time.
#[derive(Clone, Debug)]
pub(super) struct FlowGate {
    reason: Reason,
    counts: bool,
    limit: GateLimit,
    tokens: f64,
    reading: GateReading,
    passes: Vec<Pass>,
    /// Places taken for a fixed time: until when, and how many.
    lasting: VecDeque<(f64, u64)>,
    n_lasting: u64,
    /// Places that may be taken in this step.
    free: f64,
    /// Of so many places, how many requests find none.
    losses: Option<(u64, Curve)>,
    /// The share that finds no place in this step.
    without_place: f64,
    /// Parts of requests without a place that were not refused yet.
    refused_part: f64,
}

/// Of more places, chance takes none worth counting: less than 2 %.
const MANY_PLACES: u64 = 2_000;

impl FlowGate {
    pub(super) fn new(plan: &GatePlan) -> Self {
        Self {
            reason: plan.reason,
            counts: plan.counts_in_progress,
            limit: GateLimit::OPEN,
            tokens: f64::INFINITY,
            reading: GateReading::default(),
            passes: plan.passes.clone(),
            lasting: VecDeque::new(),
            n_lasting: 0,
            free: f64::INFINITY,
            losses: None,
            without_place: 0.0,
            refused_part: 0.0,
        }
    }

    pub(super) const fn limit(&self) -> GateLimit {
        self.limit
    }

    /// Whether its limit is another one than `limit`; takes it on.
    pub(super) fn set(&mut self, limit: GateLimit) -> bool {
        let changed = self.limit != limit;
        if changed {
            self.tokens = self.tokens.min(limit.burst);
            self.limit = limit;
        }
        changed
    }

    fn let_go(&mut self, now_s: f64) {
        while let Some(&(until_s, places)) = self.lasting.front()
            && until_s <= now_s
        {
            self.n_lasting -= places;
            self.lasting.pop_front();
        }
    }

    /// Begins a step: what may pass in it, of requests that take so many places altogether.
    fn open(&mut self, now_s: f64, length_s: f64, (held, coming): (Held, f64)) {
        self.let_go(now_s);
        self.tokens = self.tokens.min(self.limit.burst) + self.limit.rate * length_s;
        (self.free, self.without_place) = (f64::INFINITY, 0.0);
        if self.limit.in_progress != u64::MAX {
            let lasts = self.passes.iter().find_map(|pass| pass.lasts);
            let (taken, ends_after_s) = match lasts {
                Some(lasts) => (self.n_lasting, lasts.as_secs_f64()),
                None => (held.places, held.sojourn_s),
            };
            self.without_place = self.without_place((taken, coming), length_s, ends_after_s);
            let free = self.limit.in_progress.saturating_sub(taken) as f64;
            // Of what is in progress, this much ends in the step.
            let ending = self.limit.in_progress as f64 * length_s / ends_after_s.max(1e-6);
            self.free = free + ending;
        }
    }

    /// The share of the requests of a step that find no place, `taken` being taken at its begin.
    fn without_place(
        &mut self,
        (taken, coming): (u64, f64),
        length_s: f64,
        ends_after_s: f64,
    ) -> f64 {
        let each = self.passes.iter().map(|pass| u64::from(pass.places)).max().unwrap_or(0).max(1);
        let places = self.limit.in_progress / each;
        if !(1..=MANY_PLACES).contains(&places) {
            return 0.0;
        }
        if self.losses.as_ref().is_none_or(|(of, _)| *of != places) {
            self.losses = Some((places, Curve::new(&Station::without_queue(places as f64))));
        }
        let (_, curve) = self.losses.as_ref().expect("it was made");
        let (taken, coming) = (taken as f64 / each as f64, coming / each as f64);
        let length = length_s / ends_after_s.max(1e-6);
        curve.after(taken, coming / length, length).refused
    }

    /// Ends a step: what did not pass does not flow over.
    fn close(&mut self) {
        self.tokens = self.tokens.min(self.limit.burst);
    }

    /// How many of `n` requests that come in this step may pass.
    fn pass(&mut self, n: u64, pass: &Pass, now_s: f64) -> u64 {
        let by_rate = if self.limit.burst < pass.cost { 0.0 } else { self.tokens / pass.cost };
        let by_places = if pass.places == 0 { by_rate } else { self.free / f64::from(pass.places) };
        let mut without = 0;
        if 0 < pass.places {
            self.refused_part += n as f64 * self.without_place;
            without = (self.refused_part as u64).min(n);
            self.refused_part -= without as f64;
        }
        let passed = (n - without).min(by_rate.min(by_places).max(0.0) as u64);
        let refused = n - passed;
        let places = passed * u64::from(pass.places);
        self.tokens -= passed as f64 * pass.cost;
        self.free -= places as f64;
        if let Some(lasts) = pass.lasts.map(Span::as_secs_f64).filter(|_| self.counts) {
            self.lasting.push_back((now_s + lasts, places));
            self.n_lasting += places;
        }
        self.reading.passed += passed;
        self.reading.refused += refused;
        self.reading.passed_units += passed as f64 * pass.cost;
        self.reading.refused_units += refused as f64 * pass.cost;
        passed
    }
}

/// What the requests that a gate counts take of it.
#[derive(Clone, Copy, Debug)]
struct Held {
    places: u64,
    /// How long one of them is in progress [s].
    sojourn_s: f64,
}

impl Flow {
    /// Every gate begins a step.
    pub(super) fn open_gates(&mut self, from_s: f64, length_s: f64) {
        for gate in 0..self.gates.len() {
            let (held, coming) = (self.held(gate), self.coming(gate));
            self.gates[gate].open(from_s, length_s, (held, coming));
        }
    }

    /// Every gate ends a step.
    pub(super) fn close_gates(&mut self) {
        self.gates.iter_mut().for_each(FlowGate::close);
    }

    /// Arrivals pass the gates in front of a deployment, or fail there.
    pub(super) fn pass_gates(
        &mut self,
        index: usize,
        arrived: &mut [Cohort],
        (from_s, to_s): (f64, f64),
    ) {
        for gate in 0..self.gates.len() {
            for place in 0..self.gates[gate].passes.len() {
                let pass = self.gates[gate].passes[place];
                if pass.deployment.index() != index {
                    continue;
                }
                let share = pass.users.size();
                // Calls within a cluster do not pass its gateway.
                let is_gateway = self.gates[gate].reason == Reason::GatewayFull;
                let first_call = self.n_users * self.n_clusters;
                let mine = |cohort: &Cohort| {
                    let passes = !is_gateway || usize::from(cohort.lane) < first_call;
                    if passes { (cohort.n as f64 * share).round() as u64 } else { 0 }
                };
                let mut rest: u64 = arrived.iter().map(mine).sum();
                let passed = self.gates[gate].pass(rest, &pass, from_s);
                let mut refused = rest - passed;
                if refused == 0 {
                    continue;
                }
                let reason = self.gates[gate].reason;
                for cohort in arrived.iter_mut() {
                    let away = proportional(&mut refused, mine(cohort), &mut rest);
                    if 0 < away {
                        let (lost, left) = cohort.split(away, away as f64 / cohort.n as f64);
                        *cohort = left;
                        let failure = AttemptFailure::Refused(reason);
                        self.fail_at(index, &lost, away, failure, (from_s, to_s));
                    }
                }
            }
        }
    }

    /// Places that the requests of a step ask for at a gate.
    fn coming(&self, gate: usize) -> f64 {
        let of = |pass: &Pass| {
            let arrived = &self.deployments[pass.deployment.index()].arrived;
            let mean: f64 = arrived.iter().map(|cohort| cohort.mean).sum();
            mean * pass.users.size() * f64::from(pass.places)
        };
        self.gates[gate].passes.iter().map(of).sum()
    }

    /// What is in progress behind a gate.
    fn held(&self, gate: usize) -> Held {
        let (mut places, mut requests, mut sojourn_s) = (0, 0.0, 0.0);
        for pass in &self.gates[gate].passes {
            let deployment = &self.deployments[pass.deployment.index()];
            let inside: u64 = deployment
                .steps
                .iter()
                .flat_map(|step| &step.parts)
                .map(|part| part.timely + part.late + part.hung + part.doomed)
                .sum();
            let mine = inside as f64 * pass.users.size();
            places += (mine * f64::from(pass.places)) as u64;
            requests += mine + 1e-9;
            let wait =
                deployment.steps.back().map_or(0.0, |step| step.wait.share * step.wait.mean_s);
            sojourn_s += (mine + 1e-9) * (deployment.service.mean_s / deployment.speed + wait);
        }
        Held { places, sojourn_s: if 0.0 < requests { sojourn_s / requests } else { 1.0 } }
    }

    /// What has come to a gate.
    pub(super) fn gate_reading(&self, gate: usize) -> GateReading {
        let this = &self.gates[gate];
        if !this.counts {
            return this.reading;
        }
        let now_s = self.now.as_secs_f64();
        let lasting: u64 =
            this.lasting.iter().filter(|(until_s, _)| now_s < *until_s).map(|(_, n)| n).sum();
        let held = self.held(gate).places;
        let in_progress =
            if this.passes.iter().any(|pass| pass.lasts.is_some()) { lasting } else { held };
        GateReading { in_progress, ..this.reading }
    }
}
