//! Faults must strike within the run, early enough for a recovery to be seen.

use crate::scenario::resolve::Resolving;
use crate::spec::{Code, Diagnostic};
use crate::units::Span;

/// How long a service must stay above its objective to count as recovered.
const HOLD: Span = Span::from_secs(60);

pub(super) fn check(cx: &mut Resolving<'_, '_>) {
    let spec = &cx.decoded.spec;
    let horizon = *spec.run.horizon;
    for fault in spec.faults.iter() {
        let (at, place) = (*fault.at, fault.at.place.clone());
        if horizon <= at {
            let message =
                format!("the fault strikes at {at}, after the end of the run at {horizon}");
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.diagnostics.push(wrong.allowed(format!("0s to {}", horizon - HOLD)));
        } else if horizon < at + HOLD {
            let message = format!("the run ends {} after the fault", horizon - at);
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.diagnostics.push(
                wrong.allowed(format!("0s to {}: a recovery must hold for {HOLD}", horizon - HOLD)),
            );
        } else if let Some(objective) = *spec.run.recovery_objective
            && horizon < at + objective + HOLD
        {
            let place = spec.run.recovery_objective.place.clone();
            let message = format!(
                "recovery from `{}` within {objective} cannot be seen: the run ends too early",
                fault.name.as_str()
            );
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.diagnostics.push(wrong.allowed(format!("0s to {}", horizon - at - HOLD)));
        } else if fault.duration.is_some_and(|duration| horizon <= at + duration) {
            let place = fault.duration.place.clone();
            let message = "the repair comes after the end of the run: it is never seen";
            let warning = Diagnostic::warning(Code::Contradiction, place, message);
            cx.diagnostics.push(warning.help("lengthen `run.horizon`, or leave `duration` out"));
        }
    }
}
