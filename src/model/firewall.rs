//! Azure Firewall in the hub: what a cluster sends out, image pulls included, passes it.
//!
//! It begins to scale at 60 % of its throughput and needs 5 to 7 minutes (azure-docs
//! firewall-faq.yml); prescaling keeps more units from the start. Left out: rules, connections
//! and their draining, and loss of single instances.

use crate::spec::{Code, Decoder, Diagnostic, section};
use crate::units::{Bytes, Ratio, Span};

use super::duration::DurationSpec;

section! {
    /// An Azure Firewall that a cluster's egress passes.
    pub struct FirewallSpec {
        /// Capacity units that always run (prescaling: `minCapacity`).
        "minCapacity" min: u32 = default "2", source "azure-docs firewall prescaling: 2 to 50",
            range 2..=50;
        /// Capacity units at most (prescaling: `maxCapacity`).
        "maxCapacity" max: u32 = default "20", source "firewall-faq.yml: up to 30 Gbit/s",
            range 2..=50;
        /// Bytes a second that one unit passes.
        "throughputPerUnit" per_unit: Bytes = default "187500000",
            source "assumed: 1.5 Gbit/s, half of the 2.5 to 3 that it starts with (firewall-faq)",
            low confidence 156250000..=187500000, range "1Mi"..="10Gi";
        /// The share of its throughput above which it adds units.
        "targetUtilization" target_utilization: Ratio = default "60%", source "firewall-faq.yml",
            range "1%"..="100%";
        /// From the decision to add units to the units; left out, evenly 5 to 7 minutes.
        "scaleOutTime" scale_out: Option<DurationSpec> = optional, range "0s"..="1d";
        /// For how long fewer units must be enough before they go.
        "scaleInDelay" scale_in_delay: Span = default "10m", source "assumed", low confidence,
            range "0s"..="1d";
    }
    check FirewallSpec::check_bounds;
}

impl FirewallSpec {
    /// "Minimum and maximum must differ by more than one" (azure-docs, prescaling), or be equal.
    fn check_bounds(&self, cx: &mut Decoder<'_>) {
        let (min, max) = (*self.min, *self.max);
        if max < min || max == min + 1 {
            let place = self.max.place.clone();
            let message = format!("at least {min} and at most {max} capacity units");
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("{min}, or {} to 50", min + 2)));
        }
    }
}
