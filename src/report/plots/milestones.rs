//! The marks of faults on the time axis: struck, noticed, rerouted, served again, repaired.

use crate::metrics::outcome::{FaultOutcome, Outcome};

use super::super::words::{duration, printable};
use super::figure::{Figure, Milestone, Panel};

/// A figure about a run, with its faults marked.
#[must_use]
pub fn figure(outcome: &Outcome, title: &str, panels: Vec<Panel>) -> Figure {
    let struck = || outcome.faults.iter().filter(|fault| !fault.workloads.is_empty());
    let in_detail = struck().count() <= MOST_IN_DETAIL;
    let mut milestones: Vec<Milestone> =
        struck().flat_map(|fault| of_fault(fault, in_detail)).collect();
    milestones.sort_by(|a, b| a.at_min.total_cmp(&b.at_min));
    Figure {
        title: title.to_owned(),
        subtitle: format!("{}, seed {}, trial {}", outcome.scenario, outcome.seed, outcome.trial),
        end_min: outcome.horizon_s / 60.0,
        panels,
        milestones,
        shaded: outcome.faults.iter().filter_map(|f| suffering(f, outcome.horizon_s)).collect(),
    }
}

/// From the fault until its users were served again \[min\].
fn suffering(fault: &FaultOutcome, horizon_s: f64) -> Option<(f64, f64)> {
    let end_s = match (fault.recovered?, fault.rto_s) {
        (true, rto_s) => fault.at_s + rto_s?,
        (false, _) => horizon_s,
    };
    (fault.at_s < end_s).then_some((fault.at_s / 60.0, end_s / 60.0))
}

/// With more faults than this, only each fault and its recovery are marked.
const MOST_IN_DETAIL: usize = 2;

fn of_fault(fault: &FaultOutcome, in_detail: bool) -> Vec<Milestone> {
    let name = printable(&fault.name);
    let is_plain = !in_detail || name == fault.kind;
    let label = if is_plain { name } else { format!("{name} ({})", printable(&fault.kind)) };
    let mut marks = vec![mark(fault.at_s, label, true)];
    let mut add = |from_s: f64, what: &str, after_s: Option<f64>| {
        if let Some(after_s) = after_s {
            let label = format!("{what} +{}", duration(after_s));
            marks.push(mark(from_s + after_s, label, false));
        }
    };
    let served = if in_detail { "served again" } else { "served" };
    add(fault.at_s, served, fault.rto_s.filter(|&rto_s| 0.0 < rto_s));
    if in_detail {
        add(fault.at_s, "noticed", fault.detect_s);
        add(fault.at_s, "rerouted", fault.reroute_s);
        if let Some(at_s) = fault.repaired_at_s {
            add(at_s, "traffic back", fault.failback_s.filter(|&after_s| 0.0 < after_s));
            marks.push(mark(at_s, "repaired".to_owned(), true));
        }
    }
    marks
}

fn mark(at_s: f64, label: String, is_fault: bool) -> Milestone {
    Milestone { at_min: at_s / 60.0, label, is_fault }
}
