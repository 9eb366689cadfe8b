//! Faults: what breaks, and how it heals. One file each.
//!
//! A new fault is one new file that implements [`Fault`] and one word in the list below.

use std::fmt::Debug;

use crate::control::Cx;
use crate::model::fact::ClusterSet;
use crate::model::ids::FaultId;

pub mod node_loss;
pub mod pod_crash;
pub mod power;
pub mod region_loss;
pub mod zone_loss;

/// Something that breaks at an instant and may be repaired later.
pub trait Fault: Debug + Send + Sync {
    /// Its key in a scenario, e.g. `regionLoss`.
    fn kind(&self) -> &'static str;
    /// It strikes now.
    fn strike(&self, cx: &mut Cx, fault: FaultId);
    /// It is repaired now; what other faults hold down stays down.
    fn heal(&self, cx: &mut Cx, fault: FaultId);
    /// The clusters whose capacity or ingress it takes: recovery is judged by leaving them.
    fn hits(&self, cx: &Cx) -> ClusterSet;
}
