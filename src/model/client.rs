//! Clients: where they are and what they ask for.

use crate::spec::{Name, NameMap, section};
use crate::units::Span;

use super::ids::{GeographyId, WorkloadId};

section! {
    /// A place that clients are in, with the edge locations of Front Door that serve it.
    pub struct GeographySpec {
        /// Its name, e.g. `us-east`.
        "name" name: Name = required;
        /// Edge locations that serve it.
        "pops" pops: u32 = default "116",
            source "azure-docs edge-locations page, 2021: 116 in all",
            range 1..=1000;
        /// Round trip between a client and its edge location.
        "clientRtt" client_rtt: Span = default "10ms", source "assumed", range "0s"..="10s";
        /// How much later it is the same time of day here than where the `diurnal` or `trace`
        /// arrivals of a demand stand for: at every instant, users do what the series says this
        /// much earlier. Synthetic: nobody measured them. Steps and flash crowds are not moved.
        "timeShift" time_shift: Span = default "0s", source "all users keep the same hours",
            range "-24h"..="24h";
        /// Round trip between its edge locations and each region that has a cluster.
        "regionRtt" region_rtt: NameMap<Span> = list 1..=100, range "0s"..="10s";
    }
}

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
