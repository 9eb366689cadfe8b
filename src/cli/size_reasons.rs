//! Why a sizing comes to what it does, in words: the trial that shows why one less fails, and what
//! binds where nothing suffices.

use crate::scenario::objectives::Objective;

use crate::metrics::outcome::Outcome;

use crate::experiment::size::Sizes;
use crate::experiment::size_findings::witness;
use crate::experiment::size_outcome::OneLess;

use crate::report::table;
use crate::report::words::{count, duration};

use super::size_catalogue::Catalogue;

/// Why one less of the last knob than `answer` fails, if that was tried.
pub(super) fn one_less(catalogue: &Catalogue, sizes: &Sizes, answer: &[u32]) -> Option<OneLess> {
    let less = sizes.one_less(answer)?;
    let found = witness(&catalogue.sizing.objectives, less, sizes.tried(answer));
    let words = match found {
        None => "not shown to suffice".to_owned(),
        Some((objective, trial)) => why(catalogue, &less.values, Some(answer), &objective, trial),
    };
    Some(OneLess {
        values: less.values.clone(),
        verdict: less.word().into(),
        trial: found.map(|(_, trial)| trial),
        words,
        sets: catalogue.all_assignments(&less.values),
    })
}

/// What happens in a trial that does not keep a limit, beside the same trial of a larger design.
pub(super) fn why(
    catalogue: &Catalogue,
    values: &[u32],
    larger: Option<&[u32]>,
    objective: &Objective,
    trial: u64,
) -> String {
    let Some(outcome) = catalogue.trial(values, trial) else { return String::new() };
    let mut words = format!("in trial {trial} not {}: {}", objective.event(), fate(&outcome));
    if let Some(other) = larger.and_then(|larger| catalogue.trial(larger, trial)) {
        words += &format!(" ({}: {})", catalogue.with_more(), fate(&other));
    }
    words
}

/// What became of the users in one trial, and what bound.
fn fate(outcome: &Outcome) -> String {
    let slowest =
        |fault: &crate::metrics::outcome::FaultOutcome| match (fault.recovered, fault.rto_s) {
            (Some(true), Some(rto_s)) => format!("served again after {}", duration(rto_s)),
            (Some(false), _) => "not served again by the end of the run".to_owned(),
            _ => "not scored".to_owned(),
        };
    let mut words = outcome.faults.iter().map(slowest).collect::<Vec<_>>().join(", ");
    let failed: u64 = outcome.faults.iter().filter_map(|fault| fault.failed_requests).sum();
    words += &format!(", {} requests failed", count(failed));
    let reasons = outcome.requests.failed_by_reason.iter();
    if let Some((reason, _)) = reasons.max_by_key(|(_, n)| **n).filter(|_| 0 < failed) {
        words += &format!(", mostly {reason}");
    }
    words
}

/// What binds when nothing in range suffices.
pub(super) fn binds(catalogue: &Catalogue, sizes: &Sizes) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((value, reason)) = &sizes.invalid {
        found.push(format!("binds: {value} and more make no valid scenario ({reason})"));
    }
    let Some(largest) = sizes.tried.iter().max_by_key(|tried| tried.values.clone()) else {
        return found;
    };
    if let Some((objective, trial)) = witness(&catalogue.sizing.objectives, largest, None) {
        let largest = &largest.values;
        found.push(format!("largest: {}", why(catalogue, largest, None, &objective, trial)));
        found.extend(binding(catalogue, largest, trial));
    }
    found
}

/// What binds in the clusters that are too small in a trial of a design.
pub(super) fn binding(catalogue: &Catalogue, values: &[u32], trial: u64) -> Vec<String> {
    let outcome = catalogue.trial(values, trial);
    let headroom = outcome.iter().flat_map(|outcome| &outcome.headroom);
    let short = headroom.filter(|it| it.failover_min_ratio.is_some_and(|ratio| ratio < 0.0));
    short
        .map(|cluster| {
            let what = cluster.binding.map_or("-", table::binding);
            format!("binds: in cluster {} it is {what}", cluster.cluster)
        })
        .collect()
}
