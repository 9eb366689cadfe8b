//! Operations: what people do to clusters on purpose, and what a fault may meet in flight.
//!
//! They are no faults: nothing breaks by itself, and no recovery time is measured for them.
//!
//! | module | upstream |
//! |---|---|
//! | [`begin`] | when it begins: at an instant, in answer to a fault, or after another |
//! | [`rollout`] | `kubectl set image`, `kubectl apply` of a changed pod template |
//! | [`front_door_change`] | `az afd origin update`, `Set-AzFrontDoorCdnOrigin` |
//! | [`cluster_power`] | `az aks start`, `az aks stop` |
//! | [`upgrade`] | `az aks nodepool upgrade`: surge, drain, soak |
//! | [`drain`] | `kubectl drain`: staging/src/k8s.io/kubectl/pkg/cmd/drain, pkg/drain |

use crate::control::Cx;
use crate::model::duration::DurationSpec;
use crate::model::ids::OperationId;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};
use crate::units::{Span, Time};

pub mod begin;
pub mod cluster_power;
pub mod drain;
pub mod front_door_change;
pub mod rollout;
pub mod traffic_manager_change;
pub mod upgrade;

use begin::{AfterSpec, Begin};
use cluster_power::{StartCluster, StartClusterSpec, StopCluster, StopClusterSpec};
use drain::{Drain, DrainSpec};
use front_door_change::{FrontDoorChange, FrontDoorChangeSpec};
use rollout::{Rollout, RolloutSpec};
use traffic_manager_change::{EndpointChange, TrafficManagerChangeSpec};
use upgrade::{Upgrade, UpgradeSpec};

section! {
    /// Something that people do to a cluster: give exactly one kind of operation.
    pub struct OperationSpec {
        /// Its name.
        "name" name: Name = required;
        /// When it begins, from the end of the warm-up; or else `after`.
        "at" at: Option<Span> = optional, range "0s"..="366d";
        /// It answers a fault, or follows another operation.
        "after" after: Option<AfterSpec> = optional;
        /// A workload's pod template changes.
        "rollout" rollout: Option<RolloutSpec> = optional;
        /// Nodes are emptied.
        "drain" drain: Option<DrainSpec> = optional;
        /// Front Door's configuration changes, for example to fail over by hand.
        "frontDoorChange" front_door_change: Option<FrontDoorChangeSpec> = optional;
        /// Endpoints of Traffic Manager change.
        "trafficManagerChange" traffic_manager_change: Option<TrafficManagerChangeSpec> = optional;
        /// A stopped cluster starts.
        "startCluster" start_cluster: Option<StartClusterSpec> = optional;
        /// A cluster stops.
        "stopCluster" stop_cluster: Option<StopClusterSpec> = optional;
        /// A node pool is upgraded.
        "upgrade" upgrade: Option<UpgradeSpec> = optional;
    }
    check OperationSpec::check;
}

/// An operation of the scenario with its time.
#[derive(Clone, Debug)]
pub struct PlannedOperation {
    /// Its name.
    pub name: String,
    /// When it begins.
    pub begin: Begin,
    /// What is done.
    pub operation: Operation,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A workload's pod template changes.
    Rollout(Rollout),
    /// Nodes are emptied.
    Drain(Drain),
    /// Front Door's configuration changes.
    FrontDoorChange(FrontDoorChange),
    /// Endpoints of Traffic Manager change.
    TrafficManagerChange(Vec<EndpointChange>),
    /// A stopped cluster starts.
    StartCluster(StartCluster),
    /// A cluster stops.
    StopCluster(StopCluster),
    /// A node pool is upgraded.
    Upgrade(Upgrade),
}

impl OperationSpec {
    /// The keys of the kinds that are given.
    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            ("rollout", self.rollout.is_some()),
            ("drain", self.drain.is_some()),
            ("frontDoorChange", self.front_door_change.is_some()),
            ("trafficManagerChange", self.traffic_manager_change.is_some()),
            ("startCluster", self.start_cluster.is_some()),
            ("stopCluster", self.stop_cluster.is_some()),
            ("upgrade", self.upgrade.is_some()),
        ];
        kinds.into_iter().filter(|(_, is_given)| *is_given).map(|(kind, _)| kind).collect()
    }

    fn check(&self, cx: &mut Decoder<'_>) {
        let message = match (self.at.is_some(), self.after.is_some()) {
            (false, false) => Some("this operation does not say when it begins"),
            (true, true) => Some("this operation has both `at` and `after`"),
            _ => None,
        };
        if let Some(message) = message {
            let wrong = Diagnostic::error(Code::Contradiction, self.name.place.clone(), message);
            cx.report(wrong.allowed("exactly one of at, after"));
        }
        self.check_kind(cx);
    }

    fn check_kind(&self, cx: &mut Decoder<'_>) {
        let message = match self.kinds().as_slice() {
            [] => "this operation says nothing about what is done".to_owned(),
            [_] => return,
            kinds => format!("this operation has several kinds: {}", kinds.join(", ")),
        };
        let place = self.name.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, message);
        cx.report(wrong.allowed(
            "exactly one of rollout, drain, frontDoorChange, trafficManagerChange, startCluster, \
             stopCluster, upgrade",
        ));
    }

    /// The law that an operation states, if it states one: of a start-up or a start.
    #[must_use]
    pub fn law(&self) -> Option<&DurationSpec> {
        let start_up = self.rollout.as_ref().and_then(|rollout| rollout.start_up.as_ref());
        let start = self.start_cluster.as_ref().and_then(|start| start.duration.as_ref());
        start_up.or(start)
    }

    /// The operation in `world` with the laws of [`law`](Self::law) and of what it waits
    /// for, or `None` after reporting references that lead nowhere.
    pub fn resolve(
        &self,
        world: &World,
        law: Option<Law>,
        wait: Option<Law>,
        diagnostics: &mut Diagnostics,
    ) -> Option<PlannedOperation> {
        let begin = match (&*self.at, &*self.after) {
            (_, Some(after)) => after.resolve(world, wait?, diagnostics)?,
            (at, None) => Begin::At(Time::ZERO + (*at)?),
        };
        let operation = if let Some(rollout) = &*self.rollout {
            Operation::Rollout(rollout.resolve(world, law, diagnostics)?)
        } else if let Some(drain) = &*self.drain {
            Operation::Drain(drain.resolve(world, diagnostics)?)
        } else if let Some(change) = &*self.front_door_change {
            Operation::FrontDoorChange(change.resolve(world, diagnostics)?)
        } else if let Some(change) = &*self.traffic_manager_change {
            Operation::TrafficManagerChange(change.resolve(world, diagnostics)?)
        } else if let Some(start) = &*self.start_cluster {
            Operation::StartCluster(start.resolve(world, law, diagnostics)?)
        } else if let Some(stop) = &*self.stop_cluster {
            Operation::StopCluster(stop.resolve(world, diagnostics)?)
        } else {
            let upgrade = self.upgrade.as_ref().expect("checked when the operation was decoded");
            Operation::Upgrade(upgrade.resolve(world, diagnostics)?)
        };
        let name = self.name.as_str().to_owned();
        Some(PlannedOperation { name, begin, operation })
    }
}

impl Operation {
    /// It begins now.
    pub fn start(&self, cx: &mut Cx, id: OperationId) {
        match self {
            Self::Rollout(rollout) => rollout::start(cx, id, rollout),
            Self::Drain(drain) => drain::start(cx, id, drain),
            Self::FrontDoorChange(change) => front_door_change::start(cx, id, change),
            Self::TrafficManagerChange(changes) => traffic_manager_change::start(cx, id, changes),
            Self::StartCluster(start) => cluster_power::begin_start(cx, id, start),
            Self::StopCluster(stop) => cluster_power::begin_stop(cx, id, stop),
            Self::Upgrade(upgrade) => upgrade::start(cx, id, upgrade),
        }
    }

    /// It goes on, at an instant that it has armed.
    pub fn step(&self, cx: &mut Cx, id: OperationId) {
        match self {
            Self::Rollout(_) => {
                unreachable!("a rollout is the Deployment controller's from then on")
            }
            Self::Drain(drain) => drain::step(cx, id, drain),
            Self::FrontDoorChange(change) => front_door_change::step(cx, id, change),
            Self::TrafficManagerChange(_) => unreachable!("it is made at once"),
            Self::StartCluster(start) => cluster_power::end_start(cx, id, start),
            Self::StopCluster(stop) => cluster_power::end_stop(cx, id, stop),
            Self::Upgrade(upgrade) => upgrade::step(cx, id, upgrade),
        }
    }
}
