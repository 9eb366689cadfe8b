//! `capacity_plan.csv`: one row a cluster and phase of a run, with what it took at most.

use crate::metrics::capacity_plan::ClusterPhase;

use super::cells::guarded;

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "capacity_plan.csv";

/// The plan as CSV.
#[must_use]
pub fn render(plan: &[ClusterPhase]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in plan {
        let cluster = guarded(&row.cluster).into_owned();
        let row = ClusterPhase { cluster, ..row.clone() };
        writer.serialize(row).expect("memory takes every row");
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("cells are text")
}
