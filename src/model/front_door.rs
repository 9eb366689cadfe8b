//! Azure Front Door: origins, edge locations (PoPs), and what each PoP thinks of each origin.

use crate::spec::{Code, Decoder, Diagnostic, Name, Profile, ProfileValue, choice, section};
use crate::units::{Rate, Ratio, Span};

use super::ids::{ClusterId, GeographyId};
use super::region::Outages;

section! {
    /// Azure Front Door: one origin group with an origin for each cluster.
    pub struct FrontDoorSpec {
        /// Which product's defaults hold.
        "preset" preset: FrontDoorPreset = default "afd-standard",
            source "classic takes no new profiles (azure-docs front-door-faq)";
        /// Health probes of the origins.
        "probe" probe: FrontDoorProbeSpec = section;
        /// Origins at most this much slower than the fastest share the traffic.
        "latencySensitivity" latency_sensitivity: Span = default "50ms",
            source "terraform-provider-azurerm cdn_frontdoor_origin_group",
            range "0s"..="1s";
        /// How long Front Door waits for an origin's answer.
        "originResponseTimeout" origin_response_timeout: Span = default "30s",
            source "azure-docs frontdoor/troubleshoot-issues.md",
            range "16s"..="240s";
        /// Users with a session stay with their origin; left out, nobody has one.
        "sessionAffinity" session_affinity: Option<SessionAffinitySpec> = optional;
        /// The origins; left out, every cluster with priority 1 and weight 50.
        "origins" origins: Vec<OriginSpec> = list 0..=64;
    }
}

section! {
    /// Health probes of Front Door.
    pub struct FrontDoorProbeSpec {
        /// Time between two probes of one edge location at one origin.
        "interval" interval: Span = default "30s",
            source "azure-docs frontdoor/health-probes.md (the API reference says 240s)",
            range "5s"..="31536000s";
        /// How long a probe waits for its answer.
        "timeout" timeout: Span = default "30s",
            source "assumed: Microsoft does not publish it", low confidence "1s"..="60s",
            range "1s"..="60s";
        /// Probes that an edge location looks back on.
        "sampleSize" sample_size: u8 = default "4",
            source "terraform-provider-azurerm cdn_frontdoor_origin_group",
            range 1..=255;
        /// Successes among them that make an origin healthy.
        "successfulSamples" successful_samples: u8 = default "3",
            source "terraform-provider-azurerm cdn_frontdoor_origin_group",
            range 1..=255;
        /// How deep the probe's path goes: what must work for an answer.
        "target" target: ProbeTargetSpec = default "workload",
            source "azure-docs frontdoor/health-probes.md: a request for a path of the application";
        /// Status that the probe's path answers when all is well; anything but 200 is a failure.
        "status" status: u16 = default "200",
            source "azure-docs frontdoor/health-probes.md: 200 OK is the only success",
            range 100..=599;
        /// Share of the probes that edge locations without user traffic send.
        "idleFactor" idle_factor: Ratio = default "25%",
            source "azure-docs frontdoor/health-probes.md: decreased, but not by how much",
            low confidence "1%"..="100%", range "1%"..="100%";
        /// Edge locations whose probes are a load at every probed origin, in all; left out, probes
        /// cost nothing. A probe is as much work as a user's request, to pods and an Application
        /// Gateway; one that goes no further takes capacity units of the gateway alone.
        "edgeLocations" edge_locations: Option<u32> = optional, range 1..=1000;
    }
    check FrontDoorProbeSpec::check_window;
}

section! {
    /// Sessions that stay with the origin that their first request got.
    pub struct SessionAffinitySpec {
        /// Share of the users' requests that belong to a session.
        "share" share: Ratio = default "100%",
            source "azure-docs frontdoor/routing-methods.md: every client takes the cookie",
            range "0%"..="100%";
        /// Mean length of a session; lengths are exponential.
        "sessionLength" session_length: Span = default "10m", source "assumed", low confidence,
            range "1s"..="7d";
    }
}

section! {
    /// A cluster as an origin.
    pub struct OriginSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// Priority: the healthy origins with the lowest number get the traffic.
        "priority" priority: u8 = default "1",
            source "azure-docs frontdoor/routing-methods.md",
            range 1..=5;
        /// Share of the traffic among origins that are as near.
        "weight" weight: u16 = default "50",
            source "azure-docs frontdoor/routing-methods.md",
            range 1..=1000;
        /// Whether it may get traffic.
        "enabled" enabled: bool = default "true", source "azure-docs frontdoor/origin.md";
    }
}

choice! {
    /// A Front Door product.
    pub enum FrontDoorPreset {
        /// Standard and Premium.
        "afd-standard" => Standard,
        /// Classic.
        "afd-classic" => Classic,
    }
}

choice! {
    /// What answers Front Door's probes.
    pub enum ProbeTargetSpec {
        /// The gateway by itself: pods do not matter, unless it is an Application Gateway that
        /// finds none of them healthy and answers 502.
        "gateway" => Gateway,
        /// A pod of every workload of the cluster, whatever it depends on.
        "workload" => Workload,
        /// A pod of every workload, if everything that the workloads depend on works, too.
        "dependencies" => Dependencies,
    }
}

/// Classic's own defaults.
static AFD_CLASSIC: Profile = Profile {
    name: "afd-classic",
    values: &[
        ProfileValue {
            section: "FrontDoorProbeSpec",
            key: "successfulSamples",
            value: "2",
            source: "Az.FrontDoor New-AzFrontDoorLoadBalancingSettingObject",
        },
        ProfileValue {
            section: "FrontDoorSpec",
            key: "latencySensitivity",
            value: "0s",
            source: "Az.FrontDoor New-AzFrontDoorLoadBalancingSettingObject",
        },
    ],
};

impl FrontDoorPreset {
    /// Defaults that differ from Standard's.
    #[must_use]
    pub fn profile(self) -> Option<&'static Profile> {
        match self {
            Self::Standard => None,
            Self::Classic => Some(&AFD_CLASSIC),
        }
    }
}

impl FrontDoorProbeSpec {
    fn check_window(&self, cx: &mut Decoder<'_>) {
        let (needed, samples) = (*self.successful_samples, *self.sample_size);
        if samples < needed {
            let place = self.successful_samples.place.clone();
            let message = format!("{needed} successes are needed among {samples} samples");
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("1 to {samples}, the sample size")));
        }
    }
}

impl From<ProbeTargetSpec> for ProbeTarget {
    fn from(spec: ProbeTargetSpec) -> Self {
        match spec {
            ProbeTargetSpec::Gateway => Self::Gateway,
            ProbeTargetSpec::Workload => Self::Workload,
            ProbeTargetSpec::Dependencies => Self::Dependencies,
        }
    }
}

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
    /// Status that the probe's path answers when all is well.
    pub probe_status: u16,
    /// Share of the probes that a PoP without user traffic sends.
    pub idle_factor: Ratio,
    /// Edge locations whose probes are a load at each origin.
    pub probing_locations: Option<u32>,
    /// Share of requests that belong to sessions, and the mean length of those.
    pub affinity: Option<(Ratio, Span)>,
    /// Whether users come this way; not if Traffic Manager leads past it always.
    pub is_in_use: bool,
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
    /// What it thinks of each origin, in cluster order.
    pub healthy: Vec<bool>,
    /// Faults that hold it down.
    pub outages: Outages,
}

impl FrontDoor {
    /// Whether an origin is probed: it is enabled, and not the only one that is.
    #[must_use]
    pub fn probes(&self, cluster: ClusterId) -> bool {
        let n_enabled = self.origins.iter().filter(|origin| origin.enabled).count();
        self.is_in_use && 1 < n_enabled && self.origins[cluster.index()].enabled
    }

    /// Whether a PoP gets none of the users' traffic, while others do.
    #[must_use]
    pub fn is_idle(&self, pop: &Pop) -> bool {
        pop.traffic_share <= 0.0 && self.pops.iter().any(|other| 0.0 < other.traffic_share)
    }

    /// Time between two probes of a PoP at one origin.
    #[must_use]
    pub fn probe_interval_of(&self, pop: &Pop) -> Span {
        if self.is_idle(pop) {
            self.probe_interval.scale(1.0 / self.idle_factor.get())
        } else {
            self.probe_interval
        }
    }

    /// Probes a second that reach an origin and are a load there.
    #[must_use]
    pub fn probe_rate(&self) -> Option<Rate> {
        let n_locations = self.probing_locations?;
        Some(Rate::per_second(f64::from(n_locations) / self.probe_interval.as_secs_f64()))
    }
}

/// What a Front Door probe asks of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ProbeTarget {
    /// The gateway answers by itself: pods do not matter.
    #[default]
    Gateway,
    /// The request reaches a workload: 200 needs a ready pod of every workload of the cluster.
    Workload,
    /// The same, and nothing that the workloads of the cluster depend on may be down.
    Dependencies,
}
