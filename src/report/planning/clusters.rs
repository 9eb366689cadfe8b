//! How each cluster fared over trials: room, what ends it, and what to grant.

use crate::experiment::study_breakdown::{
    AddressStudy, BindingCount, Breakdown, ClusterStudy, PhaseStudy, Spread,
};

use crate::report::document::{Block, Section, Table, Words};
use crate::report::study_table::short;
use crate::report::table::binding;
use crate::report::words::{count, signed_percent};

use super::capacity::{PLANNED, addresses_taken, phase_name, what_is_planned};
use super::requests;

/// Why requests failed over trials, the room of each cluster, and what to grant it; `which` says
/// which trials they are, `currency` in what costs are.
#[must_use]
pub fn sections(found: &Breakdown, which: &str, currency: Option<&str>) -> [Section; 3] {
    [
        requests::over_trials(&found.failed_by_reason, which),
        headroom(&found.by_cluster, which),
        plan(&found.by_cluster, which, currency),
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
    section(&format!("Headroom by cluster {which}"), words.into(), table)
}

/// What each cluster took in each phase, then the extremes of whole trials.
fn plan(clusters: &[ClusterStudy], which: &str, currency: Option<&str>) -> Section {
    let mut columns = vec!["cluster", "phase", "# in trials"];
    columns.extend(PLANNED);
    columns.extend(currency.map(|_| "# a month"));
    let mut table = Table::new(&columns);
    for cluster in clusters {
        for phase in &cluster.phases {
            table.add(planned(&cluster.cluster, phase, currency));
        }
    }
    let phases = || clusters.iter().flat_map(|cluster| &cluster.phases);
    let has_network = phases().any(|phase| phase.subnet_addresses.is_some());
    let before = Words::from(
        "The median over trials; in brackets what one in twenty takes more than, where that is \
         another number. ",
    );
    let words = what_is_planned(before, currency.is_some(), has_network);
    let mut plan = section(&format!("Capacity plan {which}"), words, table);
    plan.blocks.extend(extremes(clusters).blocks);
    plan
}

fn planned(cluster: &str, phase: &PhaseStudy, currency: Option<&str>) -> Vec<String> {
    let taken = |found: Option<AddressStudy>| found.map(|it| (usual_and_rare(it.taken), it.room));
    let number = |spread: Option<Spread>| spread.map_or_else(|| "-".to_owned(), usual_and_rare);
    let mut cells = vec![
        cluster.to_owned(),
        phase_name(phase.phase).to_owned(),
        count(phase.n_trials),
        number(phase.pods),
        number(phase.nodes),
        number(phase.vcpus),
        addresses_taken(taken(phase.subnet_addresses), taken(phase.pod_ranges)),
    ];
    cells.extend(currency.map(|currency| match phase.monthly_cost {
        Some(cost) => format!("{} {currency}", usual_and_rare(cost)),
        None => "-".to_owned(),
    }));
    cells
}

/// A whole number, with what it is in one of twenty trials or more if that is another one.
fn usual_and_rare(spread: Spread) -> String {
    let [median, rare] = [spread.median, spread.rare].map(|it| count(it.round() as u64));
    if median == rare { median } else { format!("{median} ({rare})") }
}

/// The pods and nodes that each cluster took at a time, and its node hours.
fn extremes(clusters: &[ClusterStudy]) -> Section {
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
    let words = Words::from(
        "Over whole trials, whatever the phase: the median, what one in twenty takes more than, \
         and the most of all. The report of one trial has its own plan: ",
    );
    section("", words.code("mc --keep worst").plain(" writes it."), table)
}

fn section(title: &str, words: Words, table: Table) -> Section {
    if table.rows.is_empty() {
        return Section::new(title, Vec::new());
    }
    Section::new(title, vec![Block::Paragraph(words), Block::Table(table)])
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
