//! The short table for people: what failed, when it was noticed, when users were served again,
//! how many requests failed and why, and what will bind next.
//!
//! It is plain text without colour, so there is nothing for NO_COLOR to switch off.

use std::collections::BTreeSet;

use comfy_table::{CellAlignment, Table, presets};

use crate::metrics::outcome::{Binding, FaultOutcome, HeadroomOutcome, Outcome};

use super::words::{count, duration, printable, share, signed_percent};

/// The outcome of a run as a short text for a terminal.
#[must_use]
pub fn render(outcome: &Outcome) -> String {
    let mut text = headline(outcome);
    for fault in &outcome.faults {
        text.push('\n');
        text.push_str(&fault_section(fault));
    }
    text.push('\n');
    text.push_str(&requests_section(outcome));
    text.push('\n');
    text.push_str(&headroom_section(&outcome.headroom));
    text.push_str(&assumptions(outcome));
    text
}

fn headline(outcome: &Outcome) -> String {
    format!(
        "{}: {} simulated, {} requests, seed {}, trial {}\n",
        printable(&outcome.scenario),
        duration(outcome.horizon_s),
        count(outcome.requests.offered),
        outcome.seed,
        outcome.trial
    ) + &failure_kind(outcome)
}

/// Which kind of failure was drawn, if that is a matter of chance.
fn failure_kind(outcome: &Outcome) -> String {
    outcome.failure_kind.as_ref().map_or_else(String::new, |kind| {
        format!("The failure of this trial, drawn from the failure model: {}\n", printable(kind))
    })
}

/// Rows without frames, two columns apart.
pub(super) fn aligned(rows: Vec<Vec<String>>, right: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_rows(rows);
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push(' ');
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn fault_section(fault: &FaultOutcome) -> String {
    let title = format!("Fault {} ({})", printable(&fault.name), printable(&fault.kind));
    if fault.failed_requests.is_none() && fault.workloads.is_empty() {
        return format!("{title}: did not strike within the run\n");
    }
    let mut rows = vec![
        row("noticed", after(fault.detect_s, "by no edge location"), "first edge location"),
        row("traffic moved", after(fault.reroute_s, "no"), "95 % of the affected users"),
        row("enough capacity", after(fault.capacity_s, "never"), "ready pods, held 60 s"),
        row("users served again", recovered(fault), &slowest(fault)),
    ];
    if fault.repaired_at_s.is_some() {
        let back = after_repair(fault.failback_s);
        rows.push(row("traffic back", back, "95 % of what had moved"));
    }
    let failed = fault.failed_requests.map_or_else(|| "not scored".to_owned(), count);
    rows.push(row("requests failed", failed, "until users were served again"));
    format!("{title} strikes at {}{}\n{}", clock(fault.at_s), repaired(fault), aligned(rows, &[]))
}

fn row(what: &str, value: String, note: &str) -> Vec<String> {
    vec![what.to_owned(), value, note.to_owned()]
}

fn clock(at_s: f64) -> String {
    if at_s == 0.0 { "the start".to_owned() } else { duration(at_s) }
}

fn repaired(fault: &FaultOutcome) -> String {
    fault.repaired_at_s.map_or_else(String::new, |at_s| format!(", repaired at {}", clock(at_s)))
}

fn after(secs: Option<f64>, none: &str) -> String {
    secs.map_or_else(|| none.to_owned(), |secs| format!("after {}", duration(secs)))
}

fn after_repair(secs: Option<f64>) -> String {
    secs.map_or_else(
        || "no, or it had not moved".to_owned(),
        |secs| format!("{} after the repair", duration(secs)),
    )
}

fn recovered(fault: &FaultOutcome) -> String {
    if let Some(first) = &fault.came_with {
        return format!("as from {}, which it came along with", printable(first));
    }
    match (fault.recovered, fault.rto_s) {
        (None, _) => "not scored: below the objective before the fault".to_owned(),
        (Some(false), _) => "NOT within the run".to_owned(),
        (Some(true), Some(0.0)) => "at all times".to_owned(),
        (Some(true), rto_s) => after(rto_s, "-"),
    }
}

fn slowest(fault: &FaultOutcome) -> String {
    let slowest = match &fault.slowest_workload {
        Some(name) if 1 < fault.workloads.len() => format!("slowest: {}", printable(name)),
        _ => "recovery time".to_owned(),
    };
    match fault.relapses {
        Some(1) => format!("{slowest}; 1 relapse"),
        Some(relapses) if 1 < relapses => format!("{slowest}; {relapses} relapses"),
        _ => slowest,
    }
}

fn requests_section(outcome: &Outcome) -> String {
    let requests = &outcome.requests;
    let of_all = |part: u64| vec![count(part), share(part, requests.offered)];
    let line = |name: &str, cells: Vec<String>| {
        let mut row = vec![name.to_owned()];
        row.extend(cells);
        row
    };
    let mut rows =
        vec![line("served", of_all(requests.served)), line("failed", of_all(requests.failed))];
    let mut reasons: Vec<_> = requests.failed_by_reason.iter().collect();
    reasons.sort_by_key(|&(_, failed)| std::cmp::Reverse(*failed));
    for (reason, failed) in reasons {
        rows.push(line(&format!("  {}", printable(reason)), of_all(*failed)));
    }
    if 0 < requests.in_flight {
        rows.push(line("without outcome", of_all(requests.in_flight)));
    }
    rows.push(line("retries", vec![count(requests.retries), String::new()]));
    format!("Requests\n{}", aligned(rows, &[1, 2]))
}

fn headroom_section(headroom: &[HeadroomOutcome]) -> String {
    let header = ["cluster", "now", "after failover", "at", "binds next"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), signed_percent);
    for least in headroom {
        rows.push(vec![
            printable(&least.cluster),
            ratio(least.min_ratio),
            ratio(least.failover_min_ratio),
            least.at_s.map_or_else(|| "-".to_owned(), duration),
            least.binding.map_or("-", binding).to_owned(),
        ]);
    }
    format!("Least headroom\n{}", aligned(rows, &[1, 2]))
}

/// The guesses that the figures rest on, if there are any; those of equal things in one row.
fn assumptions(outcome: &Outcome) -> String {
    let row = |(path, value): (&String, &String)| [everywhere(path), value.clone()];
    let rows: BTreeSet<[String; 2]> = outcome.assumptions.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let rows = rows.into_iter().map(|row| row.map(|cell| printable(&cell)).to_vec()).collect();
    format!("\nRests on assumed values, as nobody publishes them\n{}", aligned(rows, &[]))
}

/// A path with `[*]` for every place in a list.
fn everywhere(path: &str) -> String {
    let mut text = String::new();
    for part in path.split_inclusive('[') {
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        if part.ends_with('[') {
            text.push('*');
        }
    }
    text
}

/// What binds next, in words.
#[must_use]
pub const fn binding(binding: Binding) -> &'static str {
    match binding {
        Binding::HpaMaxReplicas => "maxReplicas of the HPA",
        Binding::NodePoolMax => "max nodes of the pool",
        Binding::FixedReplicas => "fixed replicas, no HPA",
        Binding::GatewayUnits => "instances of the gateway",
        Binding::FirewallThroughput => "throughput of the firewall",
        Binding::SnatPorts => "SNAT ports",
        Binding::VcpuQuota => "vCPU quota",
        Binding::Addresses => "addresses of the subnets",
        Binding::DependencyLimits => "limits of a dependency",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    /// The whole table of the example: columns line up, and every question has its line.
    #[test]
    fn the_table_of_a_region_loss() {
        let expected = "\
region-loss-warm: 1 h simulated, 35,998,880 requests, seed 1, trial 0

Fault lose-east (region-loss) strikes at 20 min, repaired at 45 min
  noticed             after 24 s                   first edge location
  traffic moved       after 52 s                   95 % of the affected users
  enough capacity     after 6 min                  ready pods, held 60 s
  users served again  after 6 min 12 s             recovery time
  traffic back        1 min 33 s after the repair  95 % of what had moved
  requests failed     2,318,165                    until users were served again

Requests
  served            33,680,715  93.560 %
  failed             2,318,165   6.439 %
    timeout          2,018,165   5.606 %
    origin-refused     300,000   0.833 %
  retries            2,000,000

Least headroom
  cluster      now  after failover  at           binds next
  primary    +13 %           +13 %  14 s         maxReplicas of the HPA
  secondary  -88 %           -88 %  20 min 53 s  maxReplicas of the HPA
";
        assert_eq!(render(&example::outcome()), expected);
    }

    /// Each way in which a fault can end has its own words.
    #[test]
    fn every_ending_has_words() {
        let fault = example::outcome().faults.remove(0);
        let section = |change: fn(&mut FaultOutcome)| {
            let mut fault = fault.clone();
            change(&mut fault);
            fault_section(&fault)
        };
        let unrecovered = section(|fault| {
            (fault.recovered, fault.rto_s) = (Some(false), None);
        });
        assert!(unrecovered.contains("users served again  NOT within the run"), "{unrecovered}");
        let unharmed = section(|fault| fault.rto_s = Some(0.0));
        assert!(unharmed.contains("users served again  at all times"), "{unharmed}");
        let unscored = section(|fault| {
            (fault.recovered, fault.rto_s, fault.failed_requests) = (None, None, None);
        });
        assert!(unscored.contains("not scored: below the objective before"), "{unscored}");
        let unseen = section(|fault| (fault.detect_s, fault.reroute_s) = (None, None));
        assert!(unseen.contains("noticed             by no edge location"), "{unseen}");
        let spared = section(|fault| {
            fault.workloads.clear();
            fault.failed_requests = None;
        });
        assert_eq!(spared, "Fault lose-east (region-loss): did not strike within the run\n");
    }

    /// Guesses stand at the end, one row for all places with the same value; without any there is
    /// nothing.
    #[test]
    fn assumptions_stand_at_the_end() {
        let mut outcome = example::outcome();
        assert_eq!(assumptions(&outcome), "");
        for (path, value) in [
            ("frontDoor.probe.timeout", "30s"),
            ("clusters[0].pools[0].start", "5m"),
            ("clusters[1].pools[12].start", "5m"),
            ("clusters[1].pools[2].start", "6m"),
        ] {
            outcome.assumptions.insert(path.to_owned(), value.to_owned());
        }
        let expected = "\nRests on assumed values, as nobody publishes them
  clusters[*].pools[*].start  5m
  clusters[*].pools[*].start  6m
  frontDoor.probe.timeout     30s\n";
        assert_eq!(assumptions(&outcome), expected);
    }

    /// A name with terminal escape codes is shown, not obeyed.
    #[test]
    fn names_are_shown_not_obeyed() {
        let mut outcome = example::outcome();
        outcome.scenario = "a\x1b[2Jb".to_owned();
        outcome.faults[0].name = "x\ny".to_owned();
        let text = render(&outcome);
        assert!(!text.contains('\x1b') && !text.contains("x\ny"), "{text}");
    }
}
