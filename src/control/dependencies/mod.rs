//! Dependencies: what they do when their region or zone is lost, and what requests and pod starts
//! meet meanwhile.
//!
//! Follows azure-docs sql-database, cosmos-db, postgresql and key-vault on disaster recovery
//! ([`failover`]), reliability-container-registry ([`registry`]), and the kubelet's
//! pkg/util/goroutinemap with kubernetes-sigs/secrets-store-csi-driver ([`secrets`]).
//!
//! Simplified: a request meets its dependencies when it reaches its pod, what a pod has taken
//! before is not touched; nothing waits in front of the limits of a database; a worker that waits
//! for a dependency counts as busy, for the HPA, too.

mod effects;
pub mod failover;
pub mod memory;
pub mod registry;
pub mod secrets;
mod shell;

pub use effects::{class_fails, publish_all};
pub use shell::{
    alert_lag, changed, itself_lost, itself_restored, region_changed, settles, step, zone_changed,
};
