//! What each fault did, milestone by milestone, and what that means for the verdict.

use crate::metrics::outcome::{FaultOutcome, Outcome};

use crate::report::document::{Block, Section, Table, Words};
use crate::report::words::{count, duration, share};

/// The verdict of one trial in a sentence.
#[must_use]
pub fn verdict(outcome: &Outcome) -> Words {
    let struck: Vec<&FaultOutcome> = outcome.faults.iter().filter(|it| it.has_struck()).collect();
    let failed: u64 = struck.iter().filter_map(|fault| fault.failed_requests).sum();
    let lost = format!(
        "; {} requests failed on the way, {} of all.",
        count(failed),
        share(failed, outcome.requests.offered)
    );
    if struck.is_empty() {
        return "No fault struck within this run: it shows the system at rest.".into();
    }
    if let Some(fault) = struck.iter().find(|fault| fault.recovered == Some(false)) {
        let words = "Users were not served again within the run";
        return Words::new().strong(words).plain(after(fault)).plain(lost);
    }
    let slowest = struck.iter().filter(|fault| fault.rto_s.is_some());
    let by_time = |a: &&&FaultOutcome, b: &&&FaultOutcome| {
        let rto_s = |fault: &FaultOutcome| fault.rto_s.unwrap_or(0.0);
        rto_s(a).total_cmp(&rto_s(b))
    };
    match slowest.max_by(by_time).map(|&fault| (fault, fault.rto_s.unwrap_or(0.0))) {
        None => "Service was below its objective before the fault, so it cannot be scored.".into(),
        Some((_, 0.0)) => {
            Words::new().strong("Users were served within the objective at all times").plain(lost)
        }
        Some((fault, rto_s)) => {
            let words = format!("Users were served again after {}", duration(rto_s));
            Words::new().strong(words).plain(after(fault)).plain(lost)
        }
    }
}

fn after(fault: &FaultOutcome) -> String {
    format!(" (fault {}, {})", fault.name, fault.kind)
}

/// A table for each fault.
#[must_use]
pub fn section(faults: &[FaultOutcome]) -> Section {
    let mut blocks = vec![Block::Paragraph(
        "Times count from the instant at which the fault strikes, unless a line says otherwise."
            .into(),
    )];
    for fault in faults {
        blocks.push(Block::Paragraph(headline(fault)));
        if fault.has_struck() {
            blocks.push(Block::Table(milestones(fault)));
        }
    }
    if faults.is_empty() {
        blocks = vec![Block::Paragraph("The scenario states no fault.".into())];
    }
    Section::new("Faults", blocks)
}

fn headline(fault: &FaultOutcome) -> Words {
    let name = Words::new().strong(fault.name.as_str()).plain(format!(" ({})", fault.kind));
    if !fault.has_struck() {
        return name.plain(" did not strike within the run.");
    }
    let repaired = fault.repaired_at_s.map_or_else(
        || "; it is not repaired within the run".to_owned(),
        |at_s| format!(" and is repaired at {}", duration(at_s)),
    );
    let came = fault.came_with.as_ref().map_or_else(String::new, |first| {
        format!(" It came along with {first}, whose recovery is that of both.")
    });
    name.plain(format!(" strikes at {}{repaired}.{came}", duration(fault.at_s)))
}

/// The milestones of a fault, each with its value and what it means.
fn milestones(fault: &FaultOutcome) -> Table {
    let time = |secs: Option<f64>| secs.map_or_else(|| "-".to_owned(), duration);
    let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), count);
    let recovery = match (fault.recovered, fault.rto_s) {
        (None, _) if fault.came_with.is_some() => "with the other".to_owned(),
        (None, _) => "not scored".to_owned(),
        (Some(false), _) => "NOT within the run".to_owned(),
        (_, rto_s) => time(rto_s),
    };
    let slowest = match &fault.slowest_workload {
        Some(name) if 1 < fault.workloads.len() => format!("; slowest: {name}"),
        _ => String::new(),
    };
    let rows = [
        ("detect_s", time(fault.detect_s), "the first edge location changed its mind"),
        ("reroute_s", time(fault.reroute_s), "95 % of the affected user traffic had moved"),
        ("capacity_s", time(fault.capacity_s), "ready pods sustained all demand, and for 60 s"),
        ("rto_s", recovery, "users were served within the objective again, and for 60 s"),
        ("dependencies_s", time(fault.dependencies_s), "the last lost dependency served again"),
        ("failback_s", time(fault.failback_s), "from the repair: 95 % of the traffic was back"),
        (
            "below_objective_s",
            time(fault.below_objective_s.map(f64::from)),
            "time below the objective in all",
        ),
        ("relapses", number(fault.relapses.map(u64::from)), "times that it fell below again"),
        (
            "failed_requests",
            number(fault.failed_requests),
            "requests of users who came until they were served again, and failed",
        ),
        ("lost_writes", number(fault.lost_writes), "writes that were acknowledged and are lost"),
    ];
    let mut table = Table::new(&["figure", "# value", "what it means"]);
    for (figure, value, meaning) in rows {
        let more = if figure == "rto_s" { slowest.as_str() } else { "" };
        let meaning = format!("{meaning}{more}");
        table.add([Words::new().code(figure), value.into(), meaning.into()]);
    }
    table
}
