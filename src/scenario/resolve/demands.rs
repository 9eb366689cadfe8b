//! What clients ask for: one plan for each demand and geography, and the traffic of each edge
//! location.

use crate::model::client::Demand;
use crate::model::front_door::Pop;
use crate::model::ids::{GeographyId, PopId, WorkloadId};
use crate::scenario::arrivals::{arrivals, expected_users, share_of, with_crowds};
use crate::scenario::explain::derived;
use crate::spec::{Code, Diagnostic};
use crate::traffic::calls::Criticality;
use crate::traffic::demand::{ArrivalsSpec, DemandSpec, RetriesSpec};
use crate::traffic::level::{Level, LevelSpec};
use crate::traffic::over_dispersion::OverDispersion;
use crate::traffic::plan::{Arrivals, DemandPlan, RetryPolicy};
use crate::units::Span;

use super::{Resolved, Resolving};

/// Adds all demands, then what share of traffic enters at each edge location.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let demands = &cx.decoded.spec.demands;
    let mut users = vec![0.0; made.world.geographies.len()];
    for (number, spec) in demands.iter().enumerate() {
        add_demand(cx, made, (number, spec), &mut users);
    }
    share_traffic(made, &users);
}

fn add_demand(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    (number, spec): (usize, &DemandSpec),
    users: &mut [f64],
) {
    let window = cx.window();
    let workload = cx.workload(&spec.workload, &made.world);
    let whole = |cx: &mut Resolving<'_, '_>, later: Span| {
        let later_s = later.as_secs_f64();
        arrivals(&spec.arrivals, window, later_s, cx.tables, cx.diagnostics)
            .map(|arrivals| with_crowds(arrivals, &spec.flash_crowds, window))
            .and_then(|arrivals| multiplied(cx, spec, arrivals))
    };
    // Mistakes of a table are reported once, wherever its users are.
    let unmoved = whole(cx, Span::ZERO);
    for (place, share) in spec.geographies.iter() {
        let geography = cx.geography(place, &made.world);
        let (Some(workload), Some(geography), Some(_)) = (workload, geography, &unmoved) else {
            continue;
        };
        if share.get() <= 0.0 {
            continue;
        }
        let name = spec.name.as_ref().map_or(spec.workload.as_str(), |name| name.as_str());
        let name = format!("{name}/{}", place.as_str());
        if made.demands.iter().any(|other| other.name == name) {
            let place = spec.workload.place.clone();
            let message = format!("another demand is called `{name}`");
            let wrong = Diagnostic::error(Code::DuplicateName, place, message);
            cx.diagnostics.push(wrong.help("give one of them a `name`"));
        }
        let later = later(cx, made, spec, (&name, geography));
        let whole = if later == Span::ZERO { unmoved.clone() } else { whole(cx, later) };
        let Some(whole) = whole else { continue };
        let arrivals = share_of(&whole, share.get());
        users[geography.index()] += expected_users(&arrivals, window);
        push(made, (number, spec), name, (workload, geography), arrivals);
    }
}

/// How much later the users of a place do what the demand says; what is made up of it is a premise.
fn later(
    cx: &Resolving<'_, '_>,
    made: &mut Resolved,
    spec: &DemandSpec,
    (name, geography): (&str, GeographyId),
) -> Span {
    let later = &cx.decoded.spec.geographies[geography.index()].time_shift;
    let has_hours = matches!(*spec.arrivals, ArrivalsSpec::Diurnal(_) | ArrivalsSpec::Trace(_));
    if **later == Span::ZERO || !has_hours {
        return Span::ZERO;
    }
    let (path, shown) =
        (format!("demands.{name}.arrivals"), format!("the series of {} before", **later));
    let rule = "left out: no series of this place; synthetic, by its `timeShift`";
    made.derived.push(derived(later.span(), path, shown, rule));
    **later
}

/// A demand times the factor of all demands; `None` after a report.
fn multiplied(
    cx: &mut Resolving<'_, '_>,
    spec: &DemandSpec,
    arrivals: Arrivals,
) -> Option<Arrivals> {
    let factor = &cx.decoded.spec.run.demand_factor;
    if **factor == 1.0 {
        return Some(arrivals);
    }
    if let Arrivals::Poisson { curve } = arrivals {
        return Some(Arrivals::Poisson { curve: curve.scaled(**factor) });
    }
    let workload = spec.workload.as_str();
    let message = format!("the demand of `{workload}` has no rate that could be multiplied");
    let wrong = Diagnostic::error(Code::Contradiction, factor.place.clone(), message);
    cx.diagnostics.push(wrong.allowed("1 with recorded arrivals or a closed loop"));
    None
}

fn push(
    made: &mut Resolved,
    (number, spec): (usize, &DemandSpec),
    name: String,
    (workload, geography): (WorkloadId, GeographyId),
    arrivals: Arrivals,
) {
    let world = &mut made.world;
    let pops = (0..world.front_door.pops.len()).map(PopId::new);
    let is_there = |pop: &PopId| world.front_door.pops[pop.index()].geography == geography;
    made.demands.push(DemandPlan {
        name: name.clone(),
        workload,
        geography,
        arrivals,
        writes: *spec.writes,
        attempt_timeout: *spec.attempt_timeout,
        deadline: Some(*spec.deadline),
        retries: spec.retries.as_ref().map_or(RetryPolicy::NEVER, RetriesSpec::policy),
        pops: pops.filter(is_there).collect(),
        client_to_pop: world[geography].client_to_pop,
        pop_to_cluster: world[geography].pop_to_cluster.clone(),
        origin_response_timeout: world.front_door.origin_response_timeout,
    });
    made.protection.demands.push(Criticality::from(*spec.criticality));
    let levels = spec.over_dispersion.iter().map(|level| (*level.window, *level.index));
    let levels: Vec<_> = levels.collect();
    // A mistake in them was reported when the demand was decoded.
    made.over_dispersion
        .push((!levels.is_empty()).then(|| OverDispersion::new(&levels).ok()).flatten());
    // All places of a demand have the same level.
    let demand = name.rsplit_once('/').map_or(&*name, |(demand, _)| demand).to_owned();
    let level = |level: &LevelSpec| Level { law: level.law(), demand, number };
    made.levels.push(spec.level.as_ref().map(level));
    world.demands.push(Demand { name, workload, geography });
}

/// Within a place, every edge location gets the same share.
fn share_traffic(made: &mut Resolved, users: &[f64]) {
    let total: f64 = users.iter().sum();
    let pops = &mut made.world.front_door.pops;
    let count = |pops: &[Pop], geography: usize| {
        pops.iter().filter(|pop| pop.geography.index() == geography).count()
    };
    let n_pops: Vec<usize> = (0..users.len()).map(|place| count(pops, place)).collect();
    for pop in pops {
        let place = pop.geography.index();
        if 0.0 < total {
            pop.traffic_share = users[place] / total / n_pops[place] as f64;
        }
    }
}
