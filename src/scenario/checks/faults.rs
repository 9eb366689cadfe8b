//! Faults must strike within the run, early enough for a recovery to be seen.

use crate::faults::FaultSpec;
use crate::scenario::resolve::Resolving;
use crate::spec::{Code, Diagnostic, Place};
use crate::units::Span;

use super::NEARLY_ALWAYS;

/// How long a service must stay above its objective to count as recovered.
pub(super) const HOLD: Span = Span::from_secs(60);

pub(super) fn check(cx: &mut Resolving<'_, '_>) {
    let spec = &cx.decoded.spec;
    let horizon = *spec.run.horizon;
    for fault in spec.faults.iter() {
        let (at, place) = latest(cx, fault);
        let duration = *fault.duration;
        let duration = fault
            .repair_time
            .as_ref()
            .map_or(duration, |law| Some(Span::from_secs_f64(cx.law(law).quantile(NEARLY_ALWAYS))));
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
        } else if duration.is_some_and(|duration| horizon <= at + duration) {
            let place = fault.duration.place.clone();
            let message = "the repair comes after the end of the run: it is never seen";
            let warning = Diagnostic::warning(Code::Contradiction, place, message);
            cx.diagnostics.push(warning.help("lengthen `run.horizon`, or leave `duration` out"));
        }
    }
}

/// When a fault strikes at the latest, in nearly all trials, and where that is said.
pub(super) fn latest(cx: &mut Resolving<'_, '_>, fault: &FaultSpec) -> (Span, Place) {
    match fault.delay.as_ref() {
        None => (*fault.at, fault.at.place.clone()),
        Some(law) => {
            let delay_s = cx.law(law).quantile(NEARLY_ALWAYS);
            (*fault.at + Span::from_secs_f64(delay_s), fault.delay.place.clone())
        }
    }
}
