//! When an operation begins: at an instant, or in answer to a fault.
//!
//! Follows azure-docs azure-monitor/logs/data-ingestion-time.md for the lag of alerts. Nobody
//! answers what he has not heard of: the alert for the fault fires after the lag of the
//! scenario's `logAnalytics`, as it does for a database that a script or somebody fails over; then
//! somebody takes the time to decide. While the workspace itself is lost nobody hears anything.

use crate::control::sampling::Input;
use crate::control::{Cx, dependencies};
use crate::model::duration::DurationSpec;
use crate::model::event::Event;
use crate::model::ids::{FaultId, OperationId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, section};
use crate::units::{Span, Time};

use super::PlannedOperation;

section! {
    /// What an operation waits for: a fault that it answers, or an operation that it follows.
    pub struct AfterSpec {
        /// The fault. The operation begins when its alert has fired, after the lag of the
        /// `logAnalytics` of the scenario or else 20 s to 3 min, and somebody has decided.
        "fault" fault: Option<Name> = optional;
        /// From the alert of the fault to the decision.
        "decision" decision: Option<DurationSpec> = optional, range "0s"..="30d";
        /// The operation that must be done first: updates of paired regions are staggered so.
        "operation" operation: Option<Name> = optional;
        /// From the end of that operation to the begin of this one.
        "wait" wait: Option<DurationSpec> = optional, range "0s"..="30d";
    }
    check AfterSpec::check_pair;
}

/// When an operation begins.
#[derive(Clone, Debug)]
pub enum Begin {
    /// At an instant.
    At(Time),
    /// In answer to a fault.
    AfterFault {
        /// Which.
        fault: FaultId,
        /// From the alert to the decision \[s\].
        decision: Law,
    },
    /// Once another operation is done; never if that fails.
    AfterOperation {
        /// Which.
        operation: OperationId,
        /// From its end \[s\].
        wait: Law,
    },
}

impl AfterSpec {
    fn check_pair(&self, cx: &mut Decoder<'_>) {
        let (fault, decision) = (self.fault.is_some(), self.decision.is_some());
        let (operation, wait) = (self.operation.is_some(), self.wait.is_some());
        if fault == decision && operation == wait && fault != operation {
            return;
        }
        let set = if fault { &self.fault.place } else { &self.operation.place };
        let message = "this does not say what the operation waits for, and how long from then";
        let wrong = Diagnostic::error(Code::Contradiction, set.clone(), message);
        cx.report(wrong.allowed("`fault` with `decision`, or `operation` with `wait`"));
    }

    /// The law of the decision or the wait; one is stated if the section was accepted.
    #[must_use]
    pub fn law(&self) -> Option<&DurationSpec> {
        self.decision.as_ref().or(self.wait.as_ref())
    }

    pub(super) fn resolve(
        &self,
        world: &World,
        law: Law,
        diagnostics: &mut Diagnostics,
    ) -> Option<Begin> {
        if let Some(name) = &*self.fault {
            let fault = self.fault.same_place(name.clone());
            let known = world.fault_names.iter().map(String::as_str);
            let fault = FaultId::new(find("fault", &fault, known, diagnostics)?);
            return Some(Begin::AfterFault { fault, decision: law });
        }
        let operation = self.operation.same_place((*self.operation).clone()?);
        let known = world.operation_names.iter().map(String::as_str);
        let operation = OperationId::new(find("operation", &operation, known, diagnostics)?);
        Some(Begin::AfterOperation { operation, wait: law })
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
            Begin::AfterFault { fault, decision } if *fault == struck => {
                let id = OperationId::new(index);
                let draw = unit(cx.chance.structural(Input::Decision, index, &planned.name));
                let decision = Span::from_secs_f64(decision.quantile(draw));
                if !alert(cx, id, &planned.name, decision) {
                    cx.memory.unheard.push((id, decision));
                }
            }
            _ => {}
        }
    }
}

/// An operation is done: those that follow it begin after their wait.
pub fn operation_done(cx: &mut Cx, operations: &[PlannedOperation], done: OperationId) {
    for (index, planned) in operations.iter().enumerate() {
        if let Begin::AfterOperation { operation, wait } = &planned.begin
            && *operation == done
        {
            let draw = unit(cx.chance.draw("wait", &planned.name, 0));
            let at = cx.now + Span::from_secs_f64(wait.quantile(draw));
            cx.clock.arm(Event::OperationStarts(OperationId::new(index)), at);
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
