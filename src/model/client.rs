//! Clients: where they are and what they ask for.

use crate::units::Span;

use super::ids::{GeographyId, WorkloadId};

/// A place that clients are in, with the edge locations that serve it.
#[derive(Clone, Debug)]
pub struct Geography {
    /// Name in the scenario, e.g. `us-east`.
    pub name: String,
    /// One way from a client to its edge location.
    pub client_to_pop: Span,
    /// One way from the place's edge locations to each cluster, in cluster order.
    pub pop_to_cluster: Vec<Span>,
}

/// The requests of one workload from one geography; the traffic plan has the rates.
#[derive(Clone, Debug)]
pub struct Demand {
    /// Workload and geography, e.g. `web/us-east`: the key of its random streams.
    pub name: String,
    /// What is asked for.
    pub workload: WorkloadId,
    /// Where from.
    pub geography: GeographyId,
}
