//! Loss of edge locations of Front Door: a share of them, in one place or everywhere, or all.
//!
//! Users of a lost edge location find no origin, whatever the clusters do, until its routes are
//! withdrawn and they enter at another one; where all are lost, nobody is served. Replays of
//! 9 October 2025 (a share, by geography; tracking id QNBQ-5W8) and of 29 October 2025 (most;
//! YKYN-BWZ). Left out: the overload of the edge locations that are left.

use crate::control::Cx;
use crate::control::front_door_health::anycast;
use crate::model::fact::ClusterSet;
use crate::model::ids::{FaultId, GeographyId, PopId};
use crate::model::reference::{find, given};
use crate::model::world::World;
use crate::spec::{Diagnostics, Name, section};
use crate::units::{Ratio, Span};

use super::{Fault, FaultSection};

section! {
    /// Edge locations of Front Door are lost.
    pub struct FrontDoorLossSpec {
        /// Share of the edge locations that are lost, rounded, but at least one.
        "share" share: Ratio = default "100%", source "assumed: the worst case",
            range "0.1%"..="100%";
        /// Only those that serve this place; left out, anywhere.
        "geography" geography: Option<Name> = optional;
        /// How long until users of a lost edge location enter at another one. One that fails and
        /// is not withdrawn, as on 9 October 2025, loses its users for longer.
        "withdrawnAfter" withdrawn_after: Span = default "1m",
            source "assumed: anycast routes converge in about a minute", low confidence,
            range "0s"..="366d";
    }
}

impl FaultSection for FrontDoorLossSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let geography = match given(&self.geography) {
            Some(name) => {
                let places = world.geographies.iter().map(|place| place.name.as_str());
                Some(GeographyId::new(find("geography", &name, places, diagnostics)?))
            }
            None => None,
        };
        Some(Box::new(FrontDoorLoss {
            share: *self.share,
            geography,
            withdrawn_after: *self.withdrawn_after,
        }))
    }

    fn target(&self) -> String {
        let place = self.geography.as_ref().map_or("anywhere", |name| name.as_str());
        format!("edge locations {place}")
    }
}

/// Lost edge locations.
#[derive(Clone, Copy, Debug)]
pub struct FrontDoorLoss {
    /// Share of them that is lost.
    pub share: Ratio,
    /// Where; `None` is anywhere.
    pub geography: Option<GeographyId>,
    /// How long until their users enter elsewhere.
    pub withdrawn_after: Span,
}

impl FrontDoorLoss {
    /// The edge locations that are lost: those with the least draws of the trial, so that a larger
    /// share takes them, too.
    fn pops(&self, cx: &Cx, fault: FaultId) -> Vec<PopId> {
        let door = &cx.world.front_door;
        let name = &cx.world.fault_names[fault.index()];
        let there = |id: &PopId| {
            self.geography.is_none_or(|place| door.pops[id.index()].geography == place)
        };
        let mut pops: Vec<PopId> = (0..door.pops.len()).map(PopId::new).filter(there).collect();
        pops.sort_by_key(|pop| cx.chance.draw("edge-loss", name, pop.index() as u64));
        pops.truncate(n_lost(self.share, pops.len()));
        pops
    }
}

/// How many of `n` edge locations a share is: rounded, at least one.
fn n_lost(share: Ratio, n: usize) -> usize {
    ((share.get() * n as f64).round() as usize).clamp(1, n.max(1))
}

impl Fault for FrontDoorLoss {
    fn kind(&self) -> &'static str {
        "frontDoorLoss"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        for pop in self.pops(cx, fault) {
            anycast::lose(cx, pop, self.withdrawn_after);
        }
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        for pop in self.pops(cx, fault) {
            anycast::give_back(cx, pop);
        }
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        // Clusters and their ingress work; nobody comes.
        ClusterSet::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A share is rounded to whole edge locations, and never to none or more than there are.
    #[test]
    fn a_share_is_whole_edge_locations() {
        for (rule, percent, n, expected) in [
            ("all", 100.0, 116, 116),
            ("rounded down", 17.0, 20, 3),
            ("half rounds up", 12.5, 20, 3),
            ("at least one", 0.1, 20, 1),
        ] {
            assert_eq!(n_lost(Ratio::new(percent / 100.0), n), expected, "{rule}");
        }
    }
}
