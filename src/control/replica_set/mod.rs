//! The ReplicaSet controller: how many pods to create, or which to delete.
//!
//! | module | upstream (kubernetes/kubernetes) |
//! |---|---|
//! | [`manage`] | pkg/controller/replicaset/replica_set.go: `manageReplicas` |
//! | [`slow_start`] | replica_set.go: `slowStartBatch` |
//! | [`deletion_order`] | pkg/controller/controller_utils.go: `ActivePodsWithRanks` |
//!
//! Left out: adoption of orphans; API calls that fail, so that slow start costs nothing and
//! expectations are always met; status updates and events, which share the client's rate.

pub mod deletion_order;
pub mod manage;
pub mod slow_start;

pub mod sync;

pub use sync::{create_pod, enqueue, phase, sync};
