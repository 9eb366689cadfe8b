//! Operations: what people do to clusters on purpose, and what a fault may meet in flight.
//!
//! They are no faults: nothing breaks by itself, and no recovery time is measured for them.
//!
//! | module | upstream |
//! |---|---|
//! | [`rollout`] | `kubectl set image`, `kubectl apply` of a changed pod template |
//! | [`front_door_change`] | `az afd origin update`, `Set-AzFrontDoorCdnOrigin` |
//! | [`drain`] | `kubectl drain`: staging/src/k8s.io/kubectl/pkg/cmd/drain, pkg/drain |

use crate::control::Cx;
use crate::model::ids::OperationId;
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};
use crate::units::{Span, Time};

pub mod drain;
pub mod front_door_change;
pub mod rollout;
pub mod traffic_manager_change;

use drain::{Drain, DrainSpec};
use front_door_change::{FrontDoorChange, FrontDoorChangeSpec};
use rollout::{Rollout, RolloutSpec};
use traffic_manager_change::{EndpointChange, TrafficManagerChangeSpec};

section! {
    /// Something that people do to a cluster: give exactly one kind of operation.
    pub struct OperationSpec {
        /// Its name.
        "name" name: Name = required;
        /// When it begins, from the end of the warm-up.
        "at" at: Span = required, range "0s"..="366d";
        /// A workload's pod template changes.
        "rollout" rollout: Option<RolloutSpec> = optional;
        /// Nodes are emptied.
        "drain" drain: Option<DrainSpec> = optional;
        /// Front Door's configuration changes, for example to fail over by hand.
        "frontDoorChange" front_door_change: Option<FrontDoorChangeSpec> = optional;
        /// Endpoints of Traffic Manager change.
        "trafficManagerChange" traffic_manager_change: Option<TrafficManagerChangeSpec> = optional;
    }
    check OperationSpec::check_kind;
}

/// An operation of the scenario with its time.
#[derive(Clone, Debug)]
pub struct PlannedOperation {
    /// Its name.
    pub name: String,
    /// When it begins.
    pub at: Time,
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
}

impl OperationSpec {
    fn check_kind(&self, cx: &mut Decoder<'_>) {
        let kinds = [
            self.rollout.is_some(),
            self.drain.is_some(),
            self.front_door_change.is_some(),
            self.traffic_manager_change.is_some(),
        ];
        let message = match kinds.iter().filter(|&&given| given).count() {
            0 => "this operation says nothing about what is done",
            1 => return,
            _ => "this operation is several things at once",
        };
        let place = self.name.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, message.to_owned());
        cx.report(
            wrong.allowed("exactly one of rollout, drain, frontDoorChange, trafficManagerChange"),
        );
    }

    /// The operation in `world`, or `None` after reporting references that lead nowhere.
    pub fn resolve(
        &self,
        world: &World,
        start_up: Option<crate::sim::laws::Law>,
        diagnostics: &mut Diagnostics,
    ) -> Option<PlannedOperation> {
        let operation = if let Some(rollout) = &*self.rollout {
            Operation::Rollout(rollout.resolve(world, start_up, diagnostics)?)
        } else if let Some(drain) = &*self.drain {
            Operation::Drain(drain.resolve(world, diagnostics)?)
        } else if let Some(change) = &*self.front_door_change {
            Operation::FrontDoorChange(change.resolve(world, diagnostics)?)
        } else if let Some(change) = &*self.traffic_manager_change {
            Operation::TrafficManagerChange(change.resolve(world, diagnostics)?)
        } else {
            unreachable!("checked when the operation was decoded")
        };
        let name = self.name.as_str().to_owned();
        Some(PlannedOperation { name, at: Time::ZERO + *self.at, operation })
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
        }
    }
}
