//! Azure Front Door: origins, edge locations (PoPs), and what each PoP thinks of each origin.

use crate::spec::{Code, Decoder, Diagnostic, Name, Profile, ProfileValue, choice, section};
use crate::units::Span;

use super::ids::{ClusterId, GeographyId};

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
            source "assumed: Microsoft does not publish it", low confidence,
            range "1s"..="60s";
        /// Probes that an edge location looks back on.
        "sampleSize" sample_size: u8 = default "4",
            source "terraform-provider-azurerm cdn_frontdoor_origin_group",
            range 1..=255;
        /// Successes among them that make an origin healthy.
        "successfulSamples" successful_samples: u8 = default "3",
            source "terraform-provider-azurerm cdn_frontdoor_origin_group",
            range 1..=255;
        /// What answers the probe.
        "target" target: ProbeTargetSpec = default "workload",
            source "azure-docs frontdoor/health-probes.md: a request for a path of the application";
    }
    check FrontDoorProbeSpec::check_window;
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
        /// The gateway by itself: pods do not matter.
        "gateway" => Gateway,
        /// A pod of every workload of the cluster.
        "workload" => Workload,
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
