//! How a station behaves at each load: the stationary states of a queue, as one curve.
//!
//! The fluid engine knows how many requests are in a station on average, and needs how many
//! workers that keeps busy, how many arrivals are turned away, and how long the others wait. In a
//! stationary queue all of these are functions of the load, so the load can be eliminated: that is
//! the pointwise stationary fluid-flow approximation (Wang, Tipper and Banerjee, IEEE INFOCOM
//! 1996). In steady states it is exact; far above saturation it is the fluid limit.
//!
//! States are those of M/M/c/K, or of M/M/c+D where patience binds before the queue's bound
//! (Zeltyn and Mandelbaum, Queueing Systems 51, 2005). Other laws enter through one number, the
//! variability s = (ca² + cs²)/2: waits are s times as long, as Allen and Cunneen have it, and the
//! probability to wait is that of s = 1. With s = 0 the curve is the fluid itself.
//!
//! Time is counted in mean services here.

use crate::sim::maths;

use super::spread::Narrowing;

/// A station: workers that share one queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Station {
    /// Workers.
    pub(super) servers: f64,
    /// Requests that may wait; infinite for no bound.
    pub(super) places: f64,
    /// Who would wait longer does not get a worker [mean services]; infinite for no bound.
    pub(super) patience: f64,
    /// (ca² + cs²)/2.
    pub(super) variability: f64,
    /// Variance over mean of the requests that endless workers would have; 1 of Poisson arrivals.
    pub(super) peakedness: f64,
    /// The same in overload, where pods that share what comes to them do not share their queues:
    /// what differs of services counts for each pod by itself.
    pub(super) overloaded: f64,
}

/// A stationary state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct State {
    /// Requests in service or waiting that will be served.
    pub(super) present: f64,
    /// Busy workers.
    pub(super) busy: f64,
    /// Share of the arrivals that get no place.
    pub(super) refused: f64,
    /// Share of the others that wait.
    pub(super) waiting: f64,
    /// Mean wait of those who wait [mean services].
    pub(super) wait: f64,
    /// Its variance.
    pub(super) wait_variance: f64,
    /// Variance of the number ahead of those who wait.
    pub(super) queue_variance: f64,
}

/// The states of a station in order of load.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    states: Vec<State>,
}

/// The least of [`Station::seen_full`].
const LEAST_SEEN: f64 = 1e-3;

/// Nodes for each factor of two in the distance from saturation: errors between them are below
/// 0.05 % of what is spare.
const NODES_PER_OCTAVE: f64 = 16.0;

impl Curve {
    pub(super) fn new(station: &Station) -> Self {
        let bound = station.bound();
        // Closer to saturation than this, a bounded station does not change any more.
        let closest = (0.02 * station.variability / (bound + 1.0)).max(1e-9);
        let mut spare = Vec::new();
        if station.variability < 1e-9 {
            spare.extend([0.5, closest]);
        } else {
            let step = maths::exp(-std::f64::consts::LN_2 / NODES_PER_OCTAVE);
            let mut distance = 0.5;
            while closest < distance {
                spare.push(distance);
                distance *= step;
            }
            spare.push(closest);
        }
        let mut states: Vec<State> = vec![State::default()];
        states.extend((1..24).map(|k| station.at(0.5 * f64::from(k) / 24.0)));
        states.extend(spare.iter().map(|distance| station.at(1.0 - distance)));
        if bound.is_finite() {
            states.extend(spare.iter().rev().map(|distance| station.at(1.0 + distance)));
            let mut load = 1.5;
            while load < 100.0 {
                load *= 1.15;
                states.push(station.at(load));
            }
            let last = states[states.len() - 1];
            states.push(State { present: station.servers + bound, refused: 1.0, ..last });
        } else {
            let last = states[states.len() - 1];
            let far = 1e15;
            let wait = far / station.servers;
            let busy = station.servers;
            states.push(State { present: far, busy, refused: 0.0, waiting: 1.0, wait, ..last });
        }
        // Rounding must not turn the curve back.
        for index in 1..states.len() {
            let before = states[index - 1];
            let state = &mut states[index];
            state.present = state.present.max(before.present);
            state.busy = state.busy.max(before.busy);
            state.refused = state.refused.max(before.refused);
        }
        Self { states }
    }

    /// The state at the end of a time of `length` that begins with `present` requests, while
    /// `rate` arrive in a mean service: an implicit step, which is exact where rates are constant
    /// and goes to the steady state where the time is long.
    pub(super) fn after(&self, present: f64, rate: f64, length: f64) -> State {
        let excess = |state: &State| {
            state.present - present - length * (rate * (1.0 - state.refused) - state.busy)
        };
        let above = self.states.partition_point(|state| excess(state) < 0.0);
        self.between(above, excess)
    }

    /// The same while queues of `servers` workers lie less far apart than in steady states; of the
    /// curve, not yet narrowed.
    pub(super) fn after_narrowed(
        &self,
        present: f64,
        (rate, servers): (f64, f64),
        length: f64,
        narrowing: Narrowing,
    ) -> State {
        if narrowing == Narrowing::NONE {
            return self.after(present, rate, length);
        }
        let excess = |state: &State| {
            let busy = servers - narrowing.idle * (servers - state.busy);
            let taken = rate * (1.0 - narrowing.refused * state.refused);
            state.present - present - length * (taken - busy)
        };
        let above = self.states.partition_point(|state| excess(state) < 0.0);
        self.between(above, excess)
    }

    /// The state with so many requests.
    pub(super) fn with(&self, present: f64) -> State {
        let above = self.states.partition_point(|state| state.present < present);
        self.between(above, |state| state.present - present)
    }

    /// Where `excess`, which rises along the curve, is zero; it is not negative at `above`.
    fn between(&self, above: usize, excess: impl Fn(&State) -> f64) -> State {
        let Some(high) = self.states.get(above) else {
            return self.states[self.states.len() - 1];
        };
        if above == 0 {
            return *high;
        }
        let low = &self.states[above - 1];
        let (below, over) = (-excess(low), excess(high));
        let t = below / (below + over);
        low.towards(high, t)
    }
}

impl State {
    fn towards(&self, high: &Self, t: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * t;
        Self {
            present: mix(self.present, high.present),
            busy: mix(self.busy, high.busy),
            refused: mix(self.refused, high.refused),
            waiting: mix(self.waiting, high.waiting),
            wait: mix(self.wait, high.wait),
            wait_variance: mix(self.wait_variance, high.wait_variance),
            queue_variance: mix(self.queue_variance, high.queue_variance),
        }
    }
}

impl Station {
    /// One of the stations that differ by steps of half a percent, the nearest.
    pub(super) fn rounded(&self) -> Self {
        let near = |x: f64| {
            const STEPS: f64 = 200.0;
            if x <= 1e-9 || !x.is_finite() {
                return x;
            }
            maths::exp((maths::ln(x) * STEPS).round() / STEPS)
        };
        Self {
            patience: near(self.patience),
            variability: near(self.variability),
            peakedness: near(self.peakedness),
            overloaded: near(self.overloaded),
            ..*self
        }
    }

    /// One where nobody can wait, with arrivals by Poisson.
    pub(super) const fn without_queue(servers: f64) -> Self {
        let (places, patience) = (0.0, f64::INFINITY);
        Self { servers, places, patience, variability: 1.0, peakedness: 1.0, overloaded: 1.0 }
    }

    /// Requests that can wait and will be served, at most.
    pub(super) fn bound(&self) -> f64 {
        self.places.min(self.servers * self.patience)
    }

    /// The stationary state at `load`, arrivals a mean service and worker; not at 1.
    fn at(&self, load: f64) -> State {
        let rate = load * self.servers;
        let idle = idle_weights(rate, self.servers);
        let queue = if self.servers * self.patience < self.places {
            self.impatient(rate)
        } else {
            self.bounded(load, idle)
        };
        // Weights are relative to the state in which one worker is idle, or, where saturation
        // makes them too large, to `1 / scale` times that.
        let idle_weight = idle * queue.scale;
        let total = idle_weight + queue.weight;
        let busy = (rate * (idle - 1.0) * queue.scale + self.servers * queue.weight)
            .min(total * rate)
            / total;
        let refused = if load <= 1e-12 { 0.0 } else { (1.0 - busy / rate).max(0.0) };
        let accepted = total - queue.refused_weight;
        let waiting = if accepted <= 1e-9 * total {
            // Flooded: who gets a place at all waits, if there are places.
            f64::from(u8::from(0.0 < self.bound()))
        } else {
            (queue.weight - queue.refused_weight).max(0.0) / accepted
        };
        State {
            present: busy + queue.waiting * queue.weight / total,
            busy,
            refused,
            waiting,
            wait: queue.wait,
            wait_variance: queue.wait_variance,
            queue_variance: queue.variance,
        }
    }

    /// The ratio of the probabilities of neighbouring queue lengths: the load itself where s = 1,
    /// else such that the mean queue is s times as long.
    fn ratio(&self, load: f64) -> f64 {
        let s = self.variability;
        if load < 1.0 { s * load / (1.0 - load + s * load) } else { 1.0 + (load - 1.0) / s }
    }

    /// How often arrivals see the full station, relative to how long it is full, where nobody
    /// waits. Poisson arrivals see time averages; of others, those are lost that so many fewer or
    /// more Poisson arrivals would lose at `peakedness` at once (Hayward's approximation;
    /// Fredericks, Bell System Technical Journal 59, 1980).
    fn seen_full(&self, load: f64, idle: f64) -> f64 {
        let z = self.peakedness;
        if z == 1.0 {
            return 1.0;
        }
        let lost = erlang_b(self.servers / z, load * self.servers / z);
        let seen = lost * (idle * (1.0 - load) + load) / (load * (1.0 - lost * idle));
        // No less than what keeps the weight of the full state finite.
        seen.max(1.0 - (1.0 - LEAST_SEEN) / load).max(LEAST_SEEN)
    }

    /// A queue with a bounded number of places.
    ///
    /// Below the bound, states weigh as without one; the full state weighs as much as it must for
    /// flows to balance (Tijms, A First Course in Stochastic Models, 2003, 9.6: exact for any law
    /// of service where nobody can wait, and for one worker, given the queue without a bound).
    fn bounded(&self, load: f64, idle: f64) -> Queue {
        let (ratio, places) = (self.ratio(load), self.places);
        // Of `ratio^places` and 1, the smaller, over the larger.
        let (scale, top, open) = if ratio < 1.0 {
            let top = maths::pow(ratio, places);
            (1.0, top, load * (1.0 - top) / (1.0 - load))
        } else {
            let bottom = maths::pow(ratio, -places);
            (bottom, 1.0, load * (1.0 - bottom) / (load - 1.0))
        };
        let seen = if 0.0 < top { self.seen_full(load, idle) } else { 1.0 };
        let full = load * top / (1.0 - load * (1.0 - seen));
        let weight = open + full;
        // Who is let in finds at most one place less taken, and waits for one more to leave.
        let (ahead, spread) = truncated_geometric(ratio, (places - 1.0).max(0.0));
        let waiting = if full == 0.0 { ahead } else { (open * ahead + places * full) / weight };
        // Little's law of those who are let in while all workers are busy.
        let waiters = load * self.servers * (open + (1.0 - seen) * full) / weight;
        let wait = if 0.0 < waiters { waiting / waiters } else { 0.0 };
        let squared = (spread + self.variability * (ahead + 1.0)) / ((ahead + 1.0) * (ahead + 1.0));
        Queue {
            scale,
            weight,
            refused_weight: seen * full,
            waiting,
            wait,
            wait_variance: wait * wait * squared,
            variance: spread,
        }
    }

    /// A queue in which nobody waits longer than their patience.
    fn impatient(&self, rate: f64) -> Queue {
        let s = if rate < self.servers { self.variability } else { self.overloaded };
        let (s, c, limit) = (s.max(1e-12), self.servers, self.patience);
        let growth = (rate - c) / s;
        let exponent = growth * limit;
        let (scale, below, beyond) = if exponent < 0.0 {
            let top = maths::exp(exponent);
            (1.0, -maths::exp_m1(exponent) / (c - rate), top / c)
        } else {
            let bottom = maths::exp(-exponent);
            (bottom, -maths::exp_m1(-exponent) / (rate - c), 1.0 / c)
        };
        let (mean, variance) = truncated_exponential(exponent);
        let weight = rate * (below + beyond);
        let wait = limit * mean;
        Queue {
            scale,
            weight,
            refused_weight: rate * beyond,
            // By Little's law, of those who will be served.
            waiting: rate * wait * (rate * below / weight).clamp(0.0, 1.0),
            wait,
            wait_variance: limit * limit * variance,
            // What the services of those ahead do not explain.
            variance: (limit * limit * variance * c * c - self.variability * wait * c).max(0.0),
        }
    }
}

/// What all workers busy amounts to.
struct Queue {
    scale: f64,
    /// Of all states in which every worker is busy.
    weight: f64,
    /// Of those in which an arrival is refused.
    refused_weight: f64,
    /// Mean number of waiting requests that will be served, while all workers are busy.
    waiting: f64,
    wait: f64,
    wait_variance: f64,
    /// Of the number ahead.
    variance: f64,
}

/// The weights of all states with an idle worker, relative to the one with a single idle worker.
fn idle_weights(rate: f64, servers: f64) -> f64 {
    let mut sum = 1.0;
    let mut present = 1.0;
    while present < servers {
        sum = 1.0 + sum * present / rate;
        present += 1.0;
    }
    sum
}

/// The share of Poisson arrivals that find every server busy and are lost; between whole numbers
/// of servers, its logarithm is linear.
pub(super) fn erlang_b(servers: f64, rate: f64) -> f64 {
    let whole = servers.floor();
    let (mut lost, mut present) = (1.0, 0.0);
    while present < whole {
        present += 1.0;
        lost = rate * lost / (present + rate * lost);
    }
    let one_more = rate / (whole + 1.0 + rate * lost);
    lost * maths::pow(one_more, servers - whole)
}

/// Mean and variance of the geometric law of this ratio, cut off above `most`.
fn truncated_geometric(ratio: f64, most: f64) -> (f64, f64) {
    if most == f64::INFINITY {
        let spare = 1.0 - ratio;
        return (ratio / spare, ratio / (spare * spare));
    }
    if 1.0 < ratio {
        let (mean, variance) = truncated_geometric(1.0 / ratio, most);
        return (most - mean, variance);
    }
    let (n, spare) = (most + 1.0, 1.0 - ratio);
    if spare * n < 1e-4 {
        return (0.5 * most, most * (most + 2.0) / 12.0);
    }
    let top = maths::pow(ratio, n);
    let mean = ratio / spare - n * top / (1.0 - top);
    let variance = ratio / (spare * spare) - n * n * top / ((1.0 - top) * (1.0 - top));
    (mean.max(0.0), variance.max(0.0))
}

/// Mean and variance of the law on [0, 1] whose density is proportional to exp(`exponent` x).
fn truncated_exponential(exponent: f64) -> (f64, f64) {
    let y = exponent.abs();
    let (mean, variance) = if y < 1e-3 {
        (0.5 + y / 12.0, 1.0 / 12.0)
    } else {
        let bottom = maths::exp(-y);
        let rest = 1.0 - bottom;
        (1.0 / rest - 1.0 / y, 1.0 / (y * y) - bottom / (rest * rest))
    };
    if exponent < 0.0 { (1.0 - mean, variance) } else { (mean, variance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M_M_1: Station = Station {
        servers: 1.0,
        places: f64::INFINITY,
        patience: f64::INFINITY,
        variability: 1.0,
        peakedness: 1.0,
        overloaded: 1.0,
    };

    /// The steady state at `rate` for each kind of station against published values: share
    /// refused and mean number waiting.
    #[test]
    fn steady_states_are_exact() {
        for (station, rate, refused, waiting) in [
            (M_M_1, 0.8, 0.0, 3.2),
            (Station { servers: 8.0, ..M_M_1 }, 6.4, 0.0, 1.830579702),
            (Station { servers: 8.0, ..M_M_1 }, 7.6, 0.0, 16.03920398),
            (Station { servers: 60.0, ..M_M_1 }, 54.0, 0.0, 2.921048039),
            (Station { places: 4.0, ..M_M_1 }, 0.8, 0.0888194986556, 1.139388605),
            (Station { servers: 8.0, places: 12.0, ..M_M_1 }, 10.4, 0.234319159233, 8.94526037654),
            (
                Station { servers: 8.0, patience: 1.0, ..M_M_1 },
                6.4,
                0.0199543604962,
                6.4 * (1.0 - 0.0199543604962) * 0.149716424429,
            ),
            (
                Station { patience: 5.0, ..M_M_1 },
                1.3,
                0.265872260377,
                1.3 * (1.0 - 0.265872260377) * 2.90988187369,
            ),
            (
                Station { servers: 60.0, patience: 2.0, ..M_M_1 },
                66.0,
                0.090909318856,
                66.0 * (1.0 - 0.090909318856) * 1.83333941399,
            ),
        ] {
            let state = Curve::new(&station).after(1.0, rate, 1e9);
            let found = state.present - state.busy;
            assert!((found / waiting - 1.0).abs() < 3e-3, "{station:?} {rate}: {found} {waiting}");
            let error = (state.refused - refused).abs();
            assert!(
                error < 3e-3 * refused + 1e-6,
                "{station:?} {rate}: {} {refused}",
                state.refused
            );
            let balance = rate * (1.0 - state.refused) - state.busy;
            assert!(balance.abs() < 1e-6 * rate, "{station:?} {rate}: {balance}");
        }
    }

    /// Where nobody can wait, as many of Poisson arrivals are lost for any law of service: by
    /// Erlang's formula. And one worker with places loses what follows from the queue without a
    /// bound, `(1 - load) tail / (1 - load tail)` (Tijms 2003, 9.6).
    #[test]
    fn losses_do_not_depend_on_the_law_of_service() {
        for variability in [0.5, 1.0, 2.5] {
            for (servers, rate, lost) in
                [(1.0, 1.5, 0.6), (2.0, 1.0, 0.2), (4.0, 4.0, 0.310_679_612)]
            {
                let station = Station { servers, places: 0.0, variability, ..M_M_1 };
                let state = Curve::new(&station).after(1.0, rate, 1e9);
                assert!((state.refused / lost - 1.0).abs() < 3e-3, "{station:?}: {state:?}");
            }
            let station = Station { places: 3.0, variability, ..M_M_1 };
            let tail = 0.8 * maths::pow(station.ratio(0.8), 3.0);
            let lost = 0.2 * tail / (1.0 - 0.8 * tail);
            let state = Curve::new(&station).after(1.0, 0.8, 1e9);
            assert!((state.refused / lost - 1.0).abs() < 3e-3, "{station:?}: {state:?} {lost}");
        }
    }

    /// Of regular arrivals fewer are lost, of bursts more: as many as Hayward's approximation says,
    /// of which Erlang's formula for 20 servers at 15 and for 2 at 1.5 is known.
    #[test]
    fn regular_arrivals_lose_less() {
        let lost = |peakedness: f64, variability: f64| {
            let station = Station { places: 0.0, peakedness, variability, ..M_M_1 };
            Curve::new(&station).after(1.0, 0.75, 1e9).refused
        };
        let all = [lost(0.05, 0.02), lost(0.5, 0.5), lost(1.0, 1.0), lost(2.0, 1.5)];
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        for (found, exact) in all.into_iter().zip([0.045_593, 0.310_345, 3.0 / 7.0]) {
            assert!((found / exact - 1.0).abs() < 3e-3, "{all:?}");
        }
    }

    /// Between whole numbers of servers the loss lies between theirs.
    #[test]
    fn losses_fall_with_servers() {
        let lost = [1.0, 1.5, 2.0, 2.5, 3.0].map(|servers| erlang_b(servers, 2.0));
        assert!(lost.is_sorted_by(|a, b| a > b), "{lost:?}");
        assert!((lost[0] - 2.0 / 3.0).abs() < 1e-12 && (lost[2] - 0.4).abs() < 1e-12);
    }

    /// In overload four pods that share what comes to them lie as far below their patience as one
    /// pod with a quarter of the variability of arrivals and all of its services'; below, they
    /// are one queue.
    #[test]
    fn pods_that_share_arrivals_have_queues_of_their_own() {
        let shared = Station { servers: 4.0, patience: 5.0, overloaded: 2.5, ..M_M_1 };
        let alone = Station { patience: 5.0, variability: 0.625, overloaded: 0.625, ..M_M_1 };
        let wait = |station: Station, rate: f64| {
            let state = Curve::new(&station).after(1.0, rate, 1e9);
            [state.wait, state.wait_variance]
        };
        for (one, other) in wait(shared, 5.2).into_iter().zip(wait(alone, 1.3)) {
            assert!((one / other - 1.0).abs() < 3e-3, "{one} {other}");
        }
        let pooled = Station { overloaded: 1.0, ..shared };
        assert_eq!(wait(shared, 3.2), wait(pooled, 3.2));
        assert!(wait(pooled, 5.2)[1] < 0.5 * wait(shared, 5.2)[1]);
    }

    /// Without variability a station is a fluid: it fills and drains at the difference of the
    /// rates, refuses what is above its bound, and never more than that. A full queue has a place
    /// free from a departure to the next arrival.
    #[test]
    fn constant_work_is_a_fluid() {
        let station = Station { places: 400.0, variability: 0.0, overloaded: 0.0, ..M_M_1 };
        let curve = Curve::new(&station);
        let filling = curve.after(101.0, 1.5, 20.0);
        assert!((filling.present - 111.0).abs() < 1e-6, "{filling:?}");
        let full = curve.after(400.0, 1.5, 1e6);
        assert!((400.0..=401.0).contains(&full.present), "{full:?}");
        assert!((full.refused - 1.0 / 3.0).abs() < 1e-5, "{full:?}");
        let draining = curve.after(101.0, 0.25, 40.0);
        assert!((draining.present - 71.0).abs() < 1e-6, "{draining:?}");
        let idle = curve.after(3.0, 0.25, 40.0);
        assert!((idle.present - 0.25).abs() < 0.08, "{idle:?}");
    }

    /// Longer queues mean more busy workers, more refusals and longer waits, at any variability.
    #[test]
    fn states_are_in_order() {
        for variability in [0.0, 0.3, 1.0, 4.0] {
            for places in [0.0, 3.0, 100.0, f64::INFINITY] {
                for patience in [0.5, 7.0, f64::INFINITY] {
                    let overloaded = 2.0 * variability;
                    let station = Station {
                        servers: 4.0,
                        places,
                        patience,
                        variability,
                        peakedness: 1.0,
                        overloaded,
                    };
                    for pair in Curve::new(&station).states.windows(2) {
                        let [a, b] = [pair[0], pair[1]];
                        assert!(
                            a.present <= b.present && a.busy <= b.busy,
                            "{station:?} {a:?} {b:?}"
                        );
                        assert!(a.refused <= b.refused, "{station:?} {a:?} {b:?}");
                        assert!(
                            b.wait.is_finite() && b.wait_variance.is_finite(),
                            "{station:?} {b:?}"
                        );
                        assert!((0.0..=1.0 + 1e-9).contains(&b.waiting), "{station:?} {b:?}");
                    }
                }
            }
        }
    }
}
