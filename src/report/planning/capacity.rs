//! How much room each cluster had, what ends it, and what it took to come through.

use crate::metrics::capacity_plan::{ClusterPhase, Phase};
use crate::metrics::outcome::HeadroomOutcome;

use crate::report::document::{Block, Section, Table, Words};
use crate::report::table::binding;
use crate::report::words::{count, duration, signed_percent};

/// Least headroom of each cluster, with what binds next.
#[must_use]
pub fn headroom(least: &[HeadroomOutcome]) -> Section {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), signed_percent);
    let mut table =
        Table::new(&["cluster", "# now", "# after a failover", "# at", "binds next", "workload"]);
    for cluster in least {
        table.add([
            cluster.cluster.clone(),
            ratio(cluster.min_ratio),
            ratio(cluster.failover_min_ratio),
            cluster.at_s.map_or_else(|| "-".to_owned(), duration),
            cluster.binding.map_or("-", binding).to_owned(),
            cluster.workload.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let words = "The least of the run, as ready capacity over demand less one: below zero the \
                 cluster is asked for more than it sustains. \"After a failover\" is against the \
                 demand that it would have, were every cluster of higher priority lost at that \
                 moment: size by this one.";
    Section::new("Headroom", vec![Block::Paragraph(words.into()), Block::Table(table)])
}

/// What each cluster took before, during and after the trouble.
#[must_use]
pub fn plan(rows: &[ClusterPhase]) -> Section {
    let currency = rows.iter().find_map(|row| row.currency.as_deref());
    let mut columns = vec!["cluster", "phase"];
    columns.extend(PLANNED);
    columns.push("# node hours");
    columns.extend(currency.map(|_| "# a month"));
    let mut table = Table::new(&columns);
    for row in rows {
        let mut cells = vec![
            format!("{} ({})", row.cluster, row.region),
            phase(row),
            count(row.peak_pods.into()),
            count(row.peak_nodes.into()),
            count(row.peak_vcpus.into()),
            addresses(row),
            format!("{:.1}", row.node_hours),
        ];
        cells.extend(currency.map(|currency| {
            let cost = row.monthly_cost.map(|cost| count(cost.round() as u64));
            cost.map_or_else(|| "-".to_owned(), |cost| format!("{cost} {currency}"))
        }));
        table.add(cells);
    }
    let has_network = rows.iter().any(|row| row.subnet_addresses.is_some());
    let words = what_is_planned(Words::new(), currency.is_some(), has_network);
    Section::new("Capacity plan", vec![Block::Paragraph(words), Block::Table(table)])
}

/// Columns of what a cluster takes at a time.
pub(super) const PLANNED: [&str; 4] = ["# pods", "# nodes", "# vCPUs", "# addresses"];

/// What the numbers of a plan mean, after what was said before.
pub(super) fn what_is_planned(before: Words, has_prices: bool, has_network: bool) -> Words {
    let mut words = before.plain(
        "The most at a time in each phase: so much must be granted, by quota, subnets and \
         budget. \"During\" lasts from the fault to its repair or the recovery of its users, \
         whichever is later. Nodes of a region that is down still count: they are paid for. ",
    );
    words = if has_prices {
        words.plain(
            "The cost is what the dearest moment would cost, were it kept for a month of 730 \
             hours; it is unknown where a machine has no price.",
        )
    } else {
        words
            .plain("There is no cost, since the scenario names no prices (")
            .code("sizing.prices")
            .plain(").")
    };
    if !has_network {
        words = words.plain(" Addresses are not limited: no cluster states its network.");
    }
    words
}

fn phase(row: &ClusterPhase) -> String {
    let (from, until) = (duration(row.from_s as f64), duration(row.until_s as f64));
    format!("{} ({from} to {until})", phase_name(row.phase))
}

/// A phase in a word.
pub(super) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "before",
        Phase::During => "during",
        Phase::After => "after",
    }
}

/// Addresses of the nodes' subnet, and what pods take beside them.
fn addresses(row: &ClusterPhase) -> String {
    let taken = |taken: Option<u32>, room| Some((count(taken?.into()), room?));
    addresses_taken(
        taken(row.peak_subnet_addresses, row.subnet_addresses),
        taken(row.peak_pod_ranges, row.pod_ranges),
    )
}

/// Addresses of the nodes' subnet, and what pods take beside them: how many were taken, in words,
/// and how many there are.
pub(super) fn addresses_taken(
    subnet: Option<(String, u32)>,
    ranges: Option<(String, u32)>,
) -> String {
    let of = |(taken, room): (String, u32)| format!("{taken} of {}", count(room.into()));
    match (subnet.map(of), ranges.map(of)) {
        (None, _) => "-".to_owned(),
        (Some(subnet), None) => subnet,
        (Some(subnet), Some(ranges)) => format!("{subnet}; ranges for pods {ranges}"),
    }
}
