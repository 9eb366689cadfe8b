//! A pod: its phase, its container, and the transitions that are allowed.

use crate::units::{Span, Time};

use super::ids::{DeploymentId, NodeId};

/// A pod of a deployment.
#[derive(Clone, Debug)]
pub struct Pod {
    /// The deployment that owns it.
    pub deployment: DeploymentId,
    /// The revision of the deployment's template that it was made from: its ReplicaSet.
    pub revision: u32,
    /// Number within the deployment, for its name.
    pub ordinal: u32,
    /// When the ReplicaSet made it.
    pub created_at: Time,
    /// The node it is bound to.
    pub node: Option<NodeId>,
    /// When it was bound (kubelet's `startTime`).
    pub bound_at: Option<Time>,
    /// What its container does.
    pub container: Container,
    /// When the present container started.
    pub started_at: Time,
    /// The Ready condition.
    pub ready: bool,
    /// Last change of the Ready condition.
    pub ready_since: Time,
    /// deletionTimestamp, once it is being deleted.
    pub deleted_at: Option<Time>,
    /// `deletionGracePeriodSeconds`, if whoever deletes it asks for another than its own.
    pub deletion_grace: Option<Span>,
    /// Restarts of its container.
    pub restarts: u32,
    /// Whether the Service's endpoints list it, as the balancer sees them.
    pub in_endpoints: bool,
    /// Failed scheduling attempts, for the scheduler's back-off.
    pub attempts: u32,
    /// When the last one failed.
    pub refused_at: Time,
    /// Whether the object is gone.
    pub gone: bool,
}

/// The state of a pod's container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Not bound to a node yet.
    Unbound,
    /// The node pulls the image.
    Pulling,
    /// Sandbox and container are being made.
    Creating,
    /// The process runs but cannot answer yet.
    Starting,
    /// The process answers.
    Answering,
    /// A probe failed for good: the preStop hook runs, and the process still answers.
    Ending,
    /// It got SIGTERM: it finishes what it has and takes nothing new.
    Stopping,
    /// It ended by itself; the kubelet has not noticed yet.
    Exited,
    /// It ended and waits for its restart.
    BackingOff,
    /// Its node lost power, or it was killed for good.
    Dead,
}

impl Container {
    /// Whether a process exists (Kubernetes: the container is Running).
    #[must_use]
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Answering | Self::Ending | Self::Stopping)
    }

    /// Whether its process answers requests.
    #[must_use]
    pub const fn answers(self) -> bool {
        matches!(self, Self::Answering | Self::Ending)
    }
}

impl Pod {
    /// Whether the ReplicaSet counts it: it exists and is not being deleted.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !self.gone && self.deleted_at.is_none()
    }

    /// Whether it should be among the endpoints: ready and not being deleted.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready && self.is_active()
    }
}
