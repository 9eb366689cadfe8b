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
    let mut columns =
        vec!["cluster", "phase", "# pods", "# nodes", "# vCPUs", "# addresses", "# node hours"];
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
    let mut words = Words::from(
        "The most at a time in each phase: so much must be granted, by quota, subnets and \
         budget. \"During\" lasts from the fault to its repair or the recovery of its users, \
         whichever is later. Nodes of a region that is down still count: they are paid for. ",
    );
    words = match currency {
        Some(_) => words.plain(
            "The cost is what the dearest moment would cost, were it kept for a month of 730 \
             hours; it is unknown where a machine has no price.",
        ),
        None => words
            .plain("There is no cost, since the scenario names no prices (")
            .code("sizing.prices")
            .plain(")."),
    };
    if rows.iter().all(|row| row.subnet_addresses.is_none()) {
        words = words.plain(" Addresses are not limited: no cluster states its network.");
    }
    Section::new("Capacity plan", vec![Block::Paragraph(words), Block::Table(table)])
}

fn phase(row: &ClusterPhase) -> String {
    let name = match row.phase {
        Phase::Before => "before",
        Phase::During => "during",
        Phase::After => "after",
    };
    format!("{name} ({} to {})", duration(row.from_s as f64), duration(row.until_s as f64))
}

/// Addresses of the nodes' subnet, and what pods take beside them.
fn addresses(row: &ClusterPhase) -> String {
    let of = |taken: Option<u32>, room: Option<u32>| {
        Some(format!("{} of {}", count(taken?.into()), count(room?.into())))
    };
    let Some(subnet) = of(row.peak_subnet_addresses, row.subnet_addresses) else {
        return "-".to_owned();
    };
    match of(row.peak_pod_ranges, row.pod_ranges) {
        Some(ranges) => format!("{subnet}; ranges for pods {ranges}"),
        None => subnet,
    }
}
