//! When an operation begins: at an instant, or in answer to a fault.
//!
//! Follows azure-docs azure-monitor/logs/data-ingestion-time.md for the lag of alerts. Nobody
//! answers what he has not heard of: the alert for the fault fires after the lag of the
//! scenario's `logAnalytics`, as it does for a database that a script or somebody fails over; then
//! somebody takes the time to decide. While the workspace itself is lost nobody hears anything.

use crate::control::{Cx, dependencies};
use crate::model::duration::DurationSpec;
use crate::model::event::Event;
use crate::model::ids::{FaultId, OperationId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::spec::{Diagnostics, Name, section};
use crate::units::{Span, Time};

use super::PlannedOperation;

section! {
    /// An operation answers a fault: it begins when the alert has fired, after the lag of the
    /// `logAnalytics` of the scenario or else 20 s to 3 min, and somebody has decided.
    pub struct AfterSpec {
        /// The fault.
        "fault" fault: Name = required;
        /// From the alert to the decision.
        "decision" decision: DurationSpec = required, range "0s"..="30d";
    }
}

/// When an operation begins.
#[derive(Clone, Debug)]
pub enum Begin {
    /// At an instant.
    At(Time),
    /// In answer to a fault.
    After {
        /// Which.
        fault: FaultId,
        /// From the alert to the decision \[s\].
        decision: Law,
    },
}

impl AfterSpec {
    pub(super) fn resolve(
        &self,
        world: &World,
        decision: Law,
        diagnostics: &mut Diagnostics,
    ) -> Option<Begin> {
        let known = world.fault_names.iter().map(String::as_str);
        let fault = FaultId::new(find("fault", &self.fault, known, diagnostics)?);
        Some(Begin::After { fault, decision })
    }
}

/// Arms the operations that begin at an instant.
pub fn arm(cx: &mut Cx, operations: &[PlannedOperation]) {
    for (index, planned) in operations.iter().enumerate() {
        if let Begin::At(at) = planned.begin {
            cx.clock.arm(Event::OperationStarts(OperationId::new(index)), at);
        }
    }
}

/// A fault has struck: operations that answer it begin once people know and have decided.
pub fn fault_struck(cx: &mut Cx, operations: &[PlannedOperation], struck: FaultId) {
    for (index, planned) in operations.iter().enumerate() {
        match &planned.begin {
            Begin::After { fault, decision } if *fault == struck => {
                let id = OperationId::new(index);
                let draw = unit(cx.chance.draw("decision", &planned.name, 0));
                let decision = Span::from_secs_f64(decision.quantile(draw));
                if !alert(cx, id, &planned.name, decision) {
                    cx.memory.unheard.push((id, decision));
                }
            }
            Begin::At(_) | Begin::After { .. } => {}
        }
    }
}

/// Alerts can fire again: what nobody had heard of is heard of now.
pub fn alerts_return(cx: &mut Cx) {
    for (id, decision) in std::mem::take(&mut cx.memory.unheard) {
        let name = cx.world.operation_names[id.index()].clone();
        if !alert(cx, id, &name, decision) {
            cx.memory.unheard.push((id, decision));
        }
    }
}

/// Arms an operation for after its alert and decision, if an alert can fire now.
fn alert(cx: &mut Cx, id: OperationId, name: &str, decision: Span) -> bool {
    let Some(lag) = dependencies::alert_lag(cx) else { return false };
    let lag = Span::from_secs_f64(lag.quantile(unit(cx.chance.draw("alert-lag", name, 0))));
    cx.clock.arm(Event::OperationStarts(id), cx.now + lag + decision);
    true
}
