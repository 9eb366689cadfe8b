//! A grey failure: an origin answers a part of what reaches it with errors, or not in time.
//!
//! Each probe fails by itself, so each edge location's window is a draw of its own: PoPs leave the
//! origin and come back one by one (3 of 4 probes at q = 50 %: 69 % of them are away at any time).
//! Requests that fail never reach a pod; their share may differ from that of the probes, as where
//! the path of the probes does not go as deep as users do. Of several on one cluster the one that
//! fails most probes holds.

use crate::control::Cx;
use crate::control::front_door_health;
use crate::model::cluster::Grey;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, choice, section};
use crate::units::Ratio;

use super::{Fault, FaultSection};

section! {
    /// An origin answers a part of what reaches it with errors, or not in time.
    pub struct GreyFailureSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// Share of Front Door's and Traffic Manager's probes that fail, each by itself.
        "probes" probes: Ratio = required, range "0%"..="100%";
        /// Share of requests that fail, each attempt by itself; left out, as many as probes.
        "requests" requests: Option<Ratio> = optional, range "0%"..="100%";
        /// How they fail.
        "mode" mode: GreyMode = default "5xx", source "assumed: the quickest to notice";
    }
}

choice! {
    /// How a part of probes and requests fails.
    pub enum GreyMode {
        /// The ingress answers with an error at once.
        "5xx" => ServerError,
        /// No answer comes before the time-out.
        "hang" => Hang,
    }
}

impl FaultSection for GreyFailureSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = find("cluster", &self.cluster, clusters, diagnostics)?;
        Some(Box::new(GreyFailure {
            cluster: ClusterId::new(cluster),
            grey: Grey {
                probes: *self.probes,
                requests: self.requests.unwrap_or(*self.probes),
                hangs: *self.mode == GreyMode::Hang,
            },
        }))
    }

    fn target(&self) -> String {
        format!("ingress of {}", *self.cluster)
    }
}

/// An origin that fails in part.
#[derive(Clone, Copy, Debug)]
pub struct GreyFailure {
    /// The cluster.
    pub cluster: ClusterId,
    /// How much of what fails.
    pub grey: Grey,
}

impl Fault for GreyFailure {
    fn kind(&self) -> &'static str {
        "greyFailure"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        cx.world[self.cluster].greys.push((fault, self.grey));
        front_door_health::origin_changed(cx, self.cluster);
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        cx.world[self.cluster].greys.retain(|&(other, _)| other != fault);
        front_door_health::origin_changed(cx, self.cluster);
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        let mut set = ClusterSet::default();
        set.insert(self.cluster);
        set
    }
}
