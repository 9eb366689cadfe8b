//! Azure Front Door: origins, edge locations (PoPs), and what each PoP thinks of each origin.

use crate::units::{Span, Time};

use super::ids::{ClusterId, GeographyId};

/// The global entry point in front of all clusters.
#[derive(Clone, Debug)]
pub struct FrontDoor {
    /// Origins, one for each cluster, in cluster order.
    pub origins: Vec<Origin>,
    /// Edge locations.
    pub pops: Vec<Pop>,
    /// Interval between two probes of one PoP to one origin.
    pub probe_interval: Span,
    /// After how long an unanswered probe has failed.
    pub probe_timeout: Span,
    /// What a probe asks.
    pub probe_target: ProbeTarget,
    /// Probe results that a PoP looks back on (SampleSize).
    pub sample_size: u8,
    /// Successes among them that make an origin healthy (SuccessfulSamplesRequired).
    pub successes_required: u8,
    /// Origins within this of the fastest share the traffic.
    pub latency_sensitivity: Span,
    /// After how long without an answer Front Door gives up on an origin (504 OriginTimeout).
    pub origin_response_timeout: Span,
}

/// A cluster as Front Door's origin.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The cluster whose ingress it is.
    pub cluster: ClusterId,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Priority 1-5, 1 first.
    pub priority: u8,
    /// Weight 1-1000.
    pub weight: u16,
}

/// An edge location.
#[derive(Clone, Debug)]
pub struct Pop {
    /// Where it is; its clients and latencies are those of the place.
    pub geography: GeographyId,
    /// Share of all user traffic that enters here.
    pub traffic_share: f64,
    /// Round trip to each origin, in cluster order.
    pub origin_rtt: Vec<Span>,
    /// Phase of its probes to each origin: the first probe after the start of the run.
    pub phases: Vec<Time>,
    /// What it thinks of each origin, in cluster order.
    pub healthy: Vec<bool>,
}

/// What a Front Door probe asks of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ProbeTarget {
    /// The gateway answers by itself: pods do not matter.
    #[default]
    Gateway,
    /// The request reaches a workload: 200 needs a ready pod of every workload of the cluster.
    Workload,
}
