//! A run must be affordable: requests, events and memory are estimated before it starts.

use crate::scenario::arrivals::expected_users;
use crate::scenario::resolve::{Resolved, Resolving};
use crate::spec::{Code, Diagnostic, Place};

/// Requests of one run: about an hour at 40 ns each.
const MAX_REQUESTS: f64 = 1e11;
/// Control events of one run: some minutes at a microsecond each.
const MAX_EVENTS: f64 = 1e9;
/// Memory of one run.
const MAX_BYTES: f64 = (4_u64 << 30) as f64;

/// A pod with its workers, queue, counters and timers, in bytes; measured with a wide margin.
const BYTES_PER_POD: f64 = 8_192.0;
/// A node likewise.
const BYTES_PER_NODE: f64 = 2_048.0;
/// What the observer keeps each second of a cluster or deployment.
const BYTES_PER_SAMPLE: f64 = 64.0;
/// The counts that traffic keeps each second of a workload, latency histogram included.
const BYTES_PER_SECOND: f64 = 512.0;

pub(super) fn check(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    let run = &cx.decoded.spec.run;
    let window = cx.window();
    let length_s = window.end_s - window.start_s;
    let requests: f64 =
        made.demands.iter().map(|demand| expected_users(&demand.arrivals, window)).sum();
    let world = &made.world;
    let most_pods = |deployment: &crate::model::workload::Deployment| {
        f64::from(deployment.hpa_bounds.map_or(deployment.replicas, |(_, most)| most))
    };
    let pods: f64 = world.deployments.iter().map(most_pods).sum();
    let nodes: f64 = world.pools.iter().map(|pool| f64::from(pool.max_nodes)).sum();
    let watched = (world.clusters.len() + world.deployments.len()) as f64;
    // Sampling each second, and each node's counters and each controller a few times a minute.
    let events = length_s * (1.0 + nodes / 15.0 + watched / 5.0);
    let bytes = pods * BYTES_PER_POD
        + nodes * BYTES_PER_NODE
        + length_s * (watched * BYTES_PER_SAMPLE + world.workloads.len() as f64 * BYTES_PER_SECOND);
    let mut report = |place: &Place, message: String, allowed: String| {
        let wrong = Diagnostic::error(Code::TooCostly, place.clone(), message).allowed(allowed);
        cx.diagnostics.push(wrong.help("shorten `run.horizon`, or make the scenario smaller"));
    };
    if MAX_REQUESTS < requests {
        let message = format!("about {requests:.1e} requests would be simulated");
        let allowed = format!("at most {MAX_REQUESTS:.0e} in one run");
        report(&cx.decoded.spec.demands.place, message, allowed);
    }
    if MAX_EVENTS < events {
        let message = format!("about {events:.1e} control events would be simulated");
        report(&run.horizon.place, message, format!("at most {MAX_EVENTS:.0e} in one run"));
    }
    if MAX_BYTES < bytes {
        let gib = |bytes: f64| bytes / f64::from(1 << 30);
        let message = format!("the run would need about {:.1} GiB of memory", gib(bytes));
        report(&run.horizon.place, message, format!("at most {:.0} GiB", gib(MAX_BYTES)));
    }
}
