//! How each cluster fared over trials: room, what ends it, and what to grant.

use crate::experiment::study_breakdown::{BindingCount, Breakdown, ClusterStudy, Spread};

use crate::report::document::{Block, Section, Table};
use crate::report::study_table::short;
use crate::report::table::binding;
use crate::report::words::{count, signed_percent};

use super::requests;

/// Why requests failed over trials, the room of each cluster, and what to grant it; `which` says
/// which trials they are.
#[must_use]
pub fn sections(found: &Breakdown, which: &str) -> [Section; 3] {
    [
        requests::over_trials(&found.failed_by_reason, which),
        headroom(&found.by_cluster, which),
        plan(&found.by_cluster, which),
    ]
}

/// Least headroom of each cluster, and what binds next most often.
fn headroom(clusters: &[ClusterStudy], which: &str) -> Section {
    let columns = [
        "cluster",
        "# median",
        "# 1 in 20 is worse",
        "# least",
        "# after a failover: median",
        "# 1 in 20 is worse",
        "# least",
        "binds next (trials)",
    ];
    let mut table = Table::new(&columns);
    for it in clusters {
        let mut cells = vec![it.cluster.clone()];
        cells.extend(figures(it.headroom, signed_percent));
        cells.extend(figures(it.failover, signed_percent));
        cells.push(bindings(&it.binding));
        table.add(cells);
    }
    let words = "The least of each trial, as ready capacity over demand less one: below zero the \
                 cluster is asked for more than it sustains. \"After a failover\" is against the \
                 demand that it would have, were every cluster of higher priority lost at that \
                 moment: size by this one. What binds next is what ends further growth then.";
    section(&format!("Headroom by cluster {which}"), words, table)
}

/// The pods and nodes that each cluster took at a time, and its node hours.
fn plan(clusters: &[ClusterStudy], which: &str) -> Section {
    let columns = ["cluster", "what", "# median", "# 1 in 20 takes more", "# most"];
    let mut table = Table::new(&columns);
    for it in clusters {
        let rows = [
            ("pods at a time", it.peak_pods),
            ("nodes at a time", it.peak_nodes),
            ("node hours", it.node_hours),
        ];
        for (what, spread) in rows {
            let mut cells = vec![it.cluster.clone(), what.to_owned()];
            cells.extend(figures(spread, whole_or_short));
            table.add(cells);
        }
    }
    let words = "So much must be granted, by quota, subnets and budget, for all but one of twenty \
                 trials, and for all. What each phase of one trial takes, with vCPUs, addresses \
                 and cost, is in the report of that trial: `mc --keep worst` writes it.";
    section(&format!("Capacity plan {which}"), words, table)
}

fn section(title: &str, words: &str, table: Table) -> Section {
    if table.rows.is_empty() {
        return Section::new(title, Vec::new());
    }
    Section::new(title, vec![Block::Paragraph(words.into()), Block::Table(table)])
}

fn figures(spread: Option<Spread>, shown: fn(f64) -> String) -> [String; 3] {
    let Some(Spread { median, rare, worst }) = spread else { return ["-"; 3].map(str::to_owned) };
    [median, rare, worst].map(shown)
}

fn whole_or_short(value: f64) -> String {
    if value.fract() == 0.0 { count(value as u64) } else { short(value) }
}

fn bindings(found: &[BindingCount]) -> String {
    let words = found.iter().map(|it| format!("{} ({})", binding(it.binding), count(it.n_trials)));
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "-".to_owned() } else { words }
}
