//! The marks of faults on the time axis: struck, noticed, rerouted, served again, repaired.

use crate::metrics::outcome::{FaultOutcome, Outcome};

use super::super::words::{duration, printable};
use super::figure::{Figure, Milestone, Panel};

/// A figure about a run, with its faults marked.
#[must_use]
pub fn figure(outcome: &Outcome, title: &str, panels: Vec<Panel>) -> Figure {
    let mut milestones: Vec<Milestone> = outcome.faults.iter().flat_map(of_fault).collect();
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

fn of_fault(fault: &FaultOutcome) -> Vec<Milestone> {
    if fault.workloads.is_empty() {
        return Vec::new();
    }
    let name = printable(&fault.name);
    let label = if name == fault.kind { name } else { format!("{name} ({})", fault.kind) };
    let mut marks = vec![mark(fault.at_s, label, true)];
    let later = [
        ("noticed", fault.detect_s),
        ("rerouted", fault.reroute_s),
        ("served again", fault.rto_s.filter(|&rto_s| 0.0 < rto_s)),
    ];
    for (what, after_s) in later {
        if let Some(after_s) = after_s {
            let label = format!("{what} +{}", duration(after_s));
            marks.push(mark(fault.at_s + after_s, label, false));
        }
    }
    if let Some(at_s) = fault.repaired_at_s {
        marks.push(mark(at_s, "repaired".to_owned(), true));
        if let Some(after_s) = fault.failback_s.filter(|&after_s| 0.0 < after_s) {
            marks.push(mark(at_s + after_s, format!("back +{}", duration(after_s)), false));
        }
    }
    marks
}

fn mark(at_s: f64, label: String, is_fault: bool) -> Milestone {
    Milestone { at_min: at_s / 60.0, label, is_fault }
}
