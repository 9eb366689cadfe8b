//! Operations: what people do to clusters on purpose, and what a fault may meet in flight.
//!
//! They are no faults: nothing breaks by itself, and no recovery time is measured for them.
//!
//! | module | upstream |
//! |---|---|
//! | [`rollout`] | `kubectl set image`, `kubectl apply` of a changed pod template |
//! | [`drain`] | `kubectl drain`: staging/src/k8s.io/kubectl/pkg/cmd/drain, pkg/drain |

use crate::control::Cx;
use crate::model::ids::OperationId;
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};
use crate::units::{Span, Time};

pub mod drain;
pub mod rollout;

use drain::{Drain, DrainSpec};
use rollout::{Rollout, RolloutSpec};

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
}

impl OperationSpec {
    fn check_kind(&self, cx: &mut Decoder<'_>) {
        let message = match (&*self.rollout, &*self.drain) {
            (None, None) => "this operation says nothing about what is done",
            (Some(_), Some(_)) => "this operation is a rollout and a drain",
            _ => return,
        };
        let place = self.name.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, message.to_owned());
        cx.report(wrong.allowed("exactly one of rollout, drain"));
    }

    /// The operation in `world`, or `None` after reporting references that lead nowhere.
    pub fn resolve(
        &self,
        world: &World,
        start_up: Option<crate::sim::laws::Law>,
        diagnostics: &mut Diagnostics,
    ) -> Option<PlannedOperation> {
        let operation = match (&*self.rollout, &*self.drain) {
            (Some(rollout), _) => {
                Operation::Rollout(rollout.resolve(world, start_up, diagnostics)?)
            }
            (None, Some(drain)) => Operation::Drain(drain.resolve(world, diagnostics)?),
            (None, None) => unreachable!("checked when the operation was decoded"),
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
        }
    }

    /// It goes on, at an instant that it has armed.
    pub fn step(&self, cx: &mut Cx, id: OperationId) {
        match self {
            Self::Rollout(_) => {
                unreachable!("a rollout is the Deployment controller's from then on")
            }
            Self::Drain(drain) => drain::step(cx, id, drain),
        }
    }
}
