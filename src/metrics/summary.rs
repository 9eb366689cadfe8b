//! The outcome of a run: every fold of this layer, put together.

use crate::units::Time;

use crate::model::dependency::state::Kind;
use crate::model::fact::What;
use crate::model::ids::{DemandId, DependencyId, FaultId, GeographyId, WorkloadId};

use crate::traffic::ledger::{N_REASONS, Reason};

use super::capacity;
use super::fault_times::{self, Routes};
use super::headroom::{self, Headroom};
use super::latency::{self, Trouble};
use super::outcome::{
    FaultOutcome, GeographyOutcome, Outcome, Requests, SCHEMA, WorkloadOutcome, WorkloadRecovery,
};
use super::record::{FaultFrame, LATENCY_WINDOW_S, Part, Record, Users};
use super::recovery::{self, HOLD_S, Recovery, Score, Service};

/// Folds the record of a run into its outcome; `headroom` is the series of
/// [`headroom::headroom`].
#[must_use]
pub fn outcome(record: &Record<'_>, headroom: &[Vec<Headroom>]) -> Outcome {
    let mut outcome = without_geographies(record, headroom);
    outcome.geographies = geographies(record, &outcome.faults);
    outcome
}

/// The outcome without the latencies of its geographies, which studies do not ask for and which
/// take longer than the rest.
#[must_use]
pub fn without_geographies(record: &Record<'_>, headroom: &[Vec<Headroom>]) -> Outcome {
    let frame = record.frame;
    let services = Services::new(record);
    let faults: Vec<FaultOutcome> =
        due(record).map(|fault| fault_outcome(record, &services, fault)).collect();
    Outcome {
        schema: SCHEMA.to_owned(),
        scenario: frame.scenario.clone(),
        seed: frame.seed,
        trial: frame.trial,
        fidelity: frame.fidelity.to_owned(),
        near_saturation_s: frame.near_saturation_s,
        horizon_s: frame.horizon.as_secs_f64(),
        failure_kind: frame.failure_kind.clone(),
        fingerprint: format!("{:016x}", record.facts.fingerprint()),
        assumptions: frame.assumptions.iter().cloned().collect(),
        requests: requests(record, |_| true),
        latency_ms: latency::quantiles(&latency::overall(record)),
        workloads: workloads(record),
        geographies: Vec::new(),
        faults,
        headroom: headroom::minima(record, headroom),
        clusters: capacity::clusters(record),
    }
}

/// The faults that have a part in the trial.
fn due<'r>(record: &Record<'r>) -> impl Iterator<Item = &'r FaultFrame> {
    record.frame.faults.iter().filter(|fault| fault.part != Part::Absent)
}

/// Counts the requests of some demands.
fn requests(record: &Record<'_>, wanted: impl Fn(DemandId) -> bool) -> Requests {
    let mut requests = Requests::default();
    let mut by_reason = [0; N_REASONS];
    for (index, demand) in record.traffic.demands.iter().enumerate() {
        if !wanted(DemandId::new(index)) {
            continue;
        }
        requests.attempts += demand.attempts;
        requests.retries += demand.retries;
        for second in &demand.seconds {
            requests.offered += u64::from(second.offered);
            requests.served += u64::from(second.served);
            for (sum, &failed) in by_reason.iter_mut().zip(&second.failed) {
                *sum += u64::from(failed);
            }
        }
    }
    requests.failed = by_reason.iter().sum();
    let done = requests.served + requests.failed;
    assert!(done <= requests.offered, "{done} outcomes of {} users", requests.offered);
    requests.in_flight = requests.offered - done;
    let named = Reason::ALL.iter().zip(by_reason).filter(|&(_, failed)| 0 < failed);
    requests.failed_by_reason =
        named.map(|(reason, failed)| (reason.name().to_owned(), failed)).collect();
    requests
}

fn workloads(record: &Record<'_>) -> Vec<WorkloadOutcome> {
    let workloads = record.world.workloads.iter().enumerate();
    workloads
        .map(|(index, workload)| WorkloadOutcome {
            name: workload.name.clone(),
            requests: requests(record, |demand| {
                record.world[demand].workload == WorkloadId::new(index)
            }),
        })
        .collect()
}

/// Users and service of every workload.
struct Services {
    users: Vec<Users>,
    /// Their requests a second, by second.
    rates: Vec<Vec<f64>>,
    service: Vec<Vec<Service>>,
}

impl Services {
    fn new(record: &Record<'_>) -> Self {
        let ids = (0..record.world.workloads.len()).map(WorkloadId::new);
        let users: Vec<Users> = ids.map(|workload| record.users_of(workload)).collect();
        let objective = record.frame.objective;
        let service = users.iter().map(|users| recovery::service(users, objective)).collect();
        Self { rates: headroom::rates_of(&users), users, service }
    }
}

fn fault_outcome(record: &Record<'_>, services: &Services, fault: &FaultFrame) -> FaultOutcome {
    let horizon = Time::ZERO + record.frame.horizon;
    let mut outcome = FaultOutcome {
        name: fault.name.clone(),
        kind: fault.kind.clone(),
        came_with: match fault.part {
            Part::Companion => record.frame.failure_kind.clone(),
            Part::Alone | Part::Absent => None,
        },
        at_s: fault.at.as_secs_f64(),
        repaired_at_s: fault.until.filter(|&at| at < horizon).map(Time::as_secs_f64),
        detect_s: None,
        reroute_s: None,
        capacity_s: None,
        rto_s: None,
        relapses: None,
        below_objective_s: None,
        failback_s: None,
        recovered: None,
        failed_requests: None,
        lost_writes: None,
        dependencies_s: None,
        slowest_workload: None,
        workloads: Vec::new(),
    };
    if fault.struck {
        outcome.lost_writes = lost_writes(record, fault);
        add_milestones(record, services, fault, &mut outcome);
        add_recovery(record, services, fault, &mut outcome);
    }
    outcome
}

/// Writes that databases had accepted and lost with failovers after the fault; `None` if it took
/// no database down.
fn lost_writes(record: &Record<'_>, fault: &FaultFrame) -> Option<u64> {
    let mut lost = None;
    let is_this = |id: FaultId| record.frame.faults[id.index()].name == fault.name;
    for fact in record.facts.facts() {
        match fact.what {
            What::DependencyLost { dependency, fault, .. } if is_this(fault) => {
                if matches!(record.world[dependency].kind, Kind::Database(_)) {
                    lost.get_or_insert(0);
                }
            }
            What::DependencyPromoted { fault, lost_writes, .. } if is_this(fault) => {
                lost = lost.map(|sum| sum + u64::from(lost_writes));
            }
            _ => {}
        }
    }
    lost
}

fn add_milestones(
    record: &Record<'_>,
    services: &Services,
    fault: &FaultFrame,
    outcome: &mut FaultOutcome,
) {
    let end = fault_times::owned_until(&record.frame.faults, fault);
    let facts = record.facts.facts();
    let routes = Routes::new(&record.world.front_door, facts);
    let seconds = crate::units::Span::as_secs_f64;
    outcome.detect_s = fault_times::detect(facts, fault, end).map(seconds);
    outcome.reroute_s = routes.reroute(fault, end).map(seconds);
    outcome.failback_s = routes.failback(fault, end).map(seconds);
    outcome.capacity_s = capacity_s(record, services, fault);
    let is_this = |id: FaultId| record.frame.faults[id.index()].name == fault.name;
    let counts = |id: DependencyId| !matches!(record.world[id].kind, Kind::LogAnalytics { .. });
    let served_at = fault_times::dependencies_serve(facts, is_this, counts);
    outcome.dependencies_s = served_at.map(|at| seconds(at - fault.at));
}

/// Until the ready capacity of every workload in serving clusters was at least what users asked
/// for, directly or by calls, and stayed so.
fn capacity_s(record: &Record<'_>, services: &Services, fault: &FaultFrame) -> Option<f64> {
    let n_seconds = record.n_seconds();
    let capacity = ready_capacity(record);
    let first_s = usize::try_from((fault.at.nanos().max(0) as u64).div_ceil(1_000_000_000)).ok()?;
    let mut slowest_s = 0;
    for (workload, capacity) in record.world.workloads.iter().zip(&capacity) {
        let Some(&deployment) = workload.deployments.first() else { continue };
        let deployment = &record.world[deployment];
        let asked = |at_s| headroom::asked_rate(deployment, &services.rates, at_s);
        let offered: Vec<f64> = (0..n_seconds).map(asked).collect();
        slowest_s = slowest_s.max(fault_times::capacity_held(capacity, &offered, first_s)?);
    }
    let has_users = !record.traffic.demands.is_empty();
    has_users.then(|| (slowest_s as f64 - fault.at.as_secs_f64()).max(0.0))
}

/// The rate that each workload's ready pods sustain in all clusters that serve, by second.
fn ready_capacity(record: &Record<'_>) -> Vec<Vec<f64>> {
    let n_seconds = record.n_seconds();
    let mut capacity = vec![vec![0.0; n_seconds]; record.world.workloads.len()];
    let serving = headroom::serving(record);
    for sample in &record.samples.deployments {
        let Some(at_s) = headroom::second_of(sample.at, n_seconds) else { continue };
        let deployment = &record.world[sample.deployment];
        if serving[at_s].contains(deployment.cluster) {
            capacity[deployment.workload.index()][at_s] += sample.sustained.per_s();
        }
    }
    capacity
}

fn add_recovery(
    record: &Record<'_>,
    services: &Services,
    fault: &FaultFrame,
    outcome: &mut FaultOutcome,
) {
    let next = next_fault(&record.frame.faults, fault);
    let recoveries: Vec<Recovery> =
        services.service.iter().map(|s| recovery::recovery(s, fault.at, next)).collect();
    let names = record.world.workloads.iter().map(|workload| workload.name.clone());
    outcome.workloads = names
        .zip(&recoveries)
        .map(|(name, recovery)| workload_recovery(name, recovery, fault.at))
        .collect();
    if fault.part == Part::Companion {
        return;
    }
    let scored = recoveries.iter().enumerate().filter(|(_, r)| !r.below_before);
    let slowest = scored.max_by(|(_, a), (_, b)| {
        let key = |r: &Recovery| (r.score(fault.at).slowness(), r.below_objective_s);
        key(a).partial_cmp(&key(b)).expect("a recovery time is a number")
    });
    let Some((index, slowest)) = slowest else { return };
    let score = slowest.score(fault.at);
    outcome.slowest_workload = Some(outcome.workloads[index].name.clone());
    outcome.rto_s = score.rto_s();
    outcome.recovered = score.recovered();
    outcome.relapses = Some(slowest.relapses());
    outcome.below_objective_s = Some(slowest.below_objective_s);
    outcome.failed_requests = Some(failed_requests(&services.users, fault.at, slowest, score));
}

fn workload_recovery(name: String, recovery: &Recovery, at: Time) -> WorkloadRecovery {
    let score = recovery.score(at);
    WorkloadRecovery {
        name,
        below_before: recovery.below_before,
        rto_s: score.rto_s(),
        recovered: score.recovered(),
        relapses: recovery.relapses(),
        below_objective_s: recovery.below_objective_s,
    }
}

/// The instant of the next fault that strikes later than this one.
fn next_fault(faults: &[FaultFrame], fault: &FaultFrame) -> Option<Time> {
    let is_next =
        |other: &&FaultFrame| other.struck && other.part == Part::Alone && fault.at < other.at;
    let later = faults.iter().filter(is_next);
    later.map(|other| other.at).min()
}

/// Failures among the users of all workloads who first arrive from the fault to the end of the
/// slowest workload's episode. Without an episode the users of the hold count: that is how long
/// service was watched to say so.
fn failed_requests(users: &[Users], at: Time, slowest: &Recovery, score: Score) -> u64 {
    let from = usize::try_from(at.whole_secs().max(0)).unwrap_or(usize::MAX);
    let end = match (slowest.episodes.first(), score) {
        (None, _) => from.saturating_add(HOLD_S),
        (Some(episode), _) => episode.end_s.unwrap_or(usize::MAX),
    };
    let failed = |users: &Users| {
        let end = end.min(users.failed.len());
        users.failed[from.min(end)..end].iter().sum::<u64>()
    };
    users.iter().map(failed).sum()
}

/// When each fault was felt: until its repair and its users' recovery, at least one window.
pub(super) fn trouble(fault: &FaultOutcome, horizon_s: f64) -> Trouble {
    let recovered_s = match (fault.recovered, fault.rto_s) {
        (Some(false), _) => horizon_s,
        (_, Some(rto_s)) => fault.at_s + rto_s,
        _ => fault.at_s,
    };
    let repaired_s = fault.repaired_at_s.unwrap_or(fault.at_s);
    let least_s = fault.at_s + LATENCY_WINDOW_S as f64;
    Trouble { from_s: fault.at_s, until_s: recovered_s.max(repaired_s).max(least_s) }
}

fn geographies(record: &Record<'_>, faults: &[FaultOutcome]) -> Vec<GeographyOutcome> {
    let horizon_s = record.frame.horizon.as_secs_f64();
    let troubles: Vec<Trouble> = faults.iter().map(|fault| trouble(fault, horizon_s)).collect();
    let struck = due(record).zip(&troubles).filter(|(fault, _)| fault.struck);
    let struck: Vec<Trouble> = struck.map(|(_, &trouble)| trouble).collect();
    let places = record.world.geographies.iter().enumerate();
    places
        .map(|(index, place)| {
            let here = |demand: DemandId| record.world[demand].geography == GeographyId::new(index);
            let latency_ms = latency::phases(record, here, &struck);
            let around = |trouble: &Trouble| match &struck[..] {
                [only] if only == trouble => latency_ms,
                _ => latency::phases(record, here, std::slice::from_ref(trouble)),
            };
            let faults = troubles.iter().map(around).collect();
            GeographyOutcome { name: place.name.clone(), latency_ms, faults }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::metrics::example::{Example, region_fault, region_loss};
    use crate::traffic::ledger::UserCounts;
    use crate::units::Span;

    use super::*;

    fn outcome_of(example: &Example) -> Outcome {
        let record = example.record();
        outcome(&record, &headroom::headroom(&record))
    }

    /// Every figure of the example, by hand.
    #[test]
    fn a_region_loss_by_hand() {
        let outcome = outcome_of(&region_loss());
        let fault = &outcome.faults[0];
        assert_eq!(fault.detect_s, Some(10.0));
        assert_eq!(fault.reroute_s, Some(20.0), "both PoPs are needed for 95 %");
        assert_eq!(fault.capacity_s, Some(40.0), "12 pods of 10/s against 100/s from 240 s");
        // Half of the users fail until 260 s. The window at 259 s has 1 bad second of 10, and 95 %
        // are served; the one at 260 s is the first that meets 99 %.
        assert_eq!(fault.rto_s, Some(60.0));
        assert_eq!((fault.relapses, fault.recovered), (Some(0), Some(true)));
        assert_eq!(fault.below_objective_s, Some(60));
        assert_eq!(fault.failback_s, Some(30.0), "430 s, repaired at 400 s");
        assert_eq!(fault.failed_requests, Some(60 * 50));
        assert_eq!(fault.lost_writes, None);
        assert_eq!(outcome.requests.failed_by_reason["no-origin"], 2 * 60);
        assert_eq!(outcome.requests.failed_by_reason["timeout"], 60 * 48);
        assert_eq!(outcome.requests.attempts, 61_000);
        assert_eq!(outcome.workloads[0].requests, outcome.requests, "there is one workload");
        let east = &outcome.geographies[0];
        let p50 = |latency: Option<super::super::outcome::Latency>| latency.map(|l| l.p50);
        assert_eq!(p50(east.latency_ms.before), Some(50.0));
        assert_eq!(p50(east.latency_ms.after), Some(50.0));
        assert_eq!(east.latency_ms.during.unwrap().max, 2_000.0);
        assert_eq!(east.faults[0], east.latency_ms, "there is one fault");
    }

    /// A fault whose users are not served again within the run has no recovery time, and every
    /// failure after it counts.
    #[test]
    fn unrecovered_within_the_run() {
        let mut example = region_loss();
        example.frame.horizon = Span::from_secs(300);
        let fault = &outcome_of(&example).faults[0];
        assert_eq!((fault.rto_s, fault.recovered), (None, Some(false)));
        assert_eq!(fault.failed_requests, Some(60 * 50));
        assert_eq!(fault.repaired_at_s, None, "the repair comes after the run");
    }

    /// A fault that did not strike has no figures; one that struck a service in trouble is not
    /// scored, and says so.
    #[test]
    fn faults_without_a_score() {
        let mut example = region_loss();
        let mut spared = region_fault(700, None);
        spared.struck = false;
        example.frame.faults.extend([region_fault(250, None), spared]);
        let outcome = outcome_of(&example);
        let second = &outcome.faults[1];
        assert_eq!((second.rto_s, second.recovered, second.failed_requests), (None, None, None));
        assert!(second.workloads[0].below_before);
        let spared = &outcome.faults[2];
        assert!(spared.workloads.is_empty() && spared.detect_s.is_none());
    }

    /// Without an episode the recovery time is 0, and failures within the hold are still told.
    #[test]
    fn a_few_failures_are_no_episode() {
        let mut example = region_loss();
        for demand in &mut example.traffic.demands {
            for second in &mut demand.seconds {
                second.served = second.offered;
                second.failed = [0; N_REASONS];
            }
            demand.seconds[FAULT + 3].served -= 2;
            demand.seconds[FAULT + 3].failed[Reason::Timeout as usize] = 2;
            demand.seconds[FAULT + 63].served -= 1;
            demand.seconds[FAULT + 63].failed[Reason::PodLost as usize] = 1;
        }
        let fault = &outcome_of(&example).faults[0];
        assert_eq!((fault.rto_s, fault.relapses), (Some(0.0), Some(0)));
        assert_eq!(fault.failed_requests, Some(4), "2 of each demand within 60 s");
    }

    const FAULT: usize = crate::metrics::example::FAULT_S;

    proptest! {
        /// offered = served + failed + in flight, in total and by workload; reasons add up to the
        /// failures; recovery times are within the run.
        #[test]
        fn requests_are_conserved(
            counts in proptest::collection::vec((0_u32..50, 0_u32..50, 0_u32..50, 0_u32..5), 600),
        ) {
            let mut example = region_loss();
            let seconds = counts.iter().map(|&(served, first, second, in_flight)| UserCounts {
                offered: served + first + second + in_flight,
                served,
                failed: [first, second, 0, 0, 0, 0, 0, 0, 0, 0],
            });
            example.traffic.demands[0].seconds = seconds.collect();
            let outcome = outcome_of(&example);
            for requests in [&outcome.requests, &outcome.workloads[0].requests] {
                let sum = requests.served + requests.failed + requests.in_flight;
                prop_assert_eq!(requests.offered, sum);
                prop_assert_eq!(requests.failed_by_reason.values().sum::<u64>(), requests.failed);
            }
            let fault = &outcome.faults[0];
            prop_assert!(fault.rto_s.is_none_or(|rto_s| (0.0..=400.0).contains(&rto_s)));
            prop_assert!(fault.failed_requests.is_none_or(|n| n <= outcome.requests.failed));
        }
    }
}
