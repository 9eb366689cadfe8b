//! The order in which groups of equal pods are packed: greedy ones first.
//!
//! Follows estimator/decreasing_pod_orderer.go. Upstream's sort is unstable for ties; here they
//! keep their given order.

use super::super::resources::Resources;

/// The groups' indices by the share of a node that one of their pods takes, falling.
#[must_use]
pub fn decreasing(requests: &[Resources], allocatable: &Resources) -> Vec<usize> {
    let scores: Vec<f64> = requests.iter().map(|request| score(request, allocatable)).collect();
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

/// Shares of CPU and memory, added up; a resource that the node lacks counts nothing.
fn score(request: &Resources, node: &Resources) -> f64 {
    let share = |part: i64, whole: i64| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    share(request.cpu.milli(), node.cpu.milli()) + share(request.memory.get(), node.memory.get())
}
