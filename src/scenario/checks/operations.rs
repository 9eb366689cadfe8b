//! Operations must begin within the run.

use crate::scenario::resolve::Resolving;
use crate::spec::{Code, Diagnostic};

pub(super) fn check(cx: &mut Resolving<'_, '_>) {
    let spec = &cx.decoded.spec;
    let horizon = *spec.run.horizon;
    for operation in spec.operations.iter() {
        let Some(at) = *operation.at else { continue };
        if at < horizon {
            continue;
        }
        let message =
            format!("the operation begins at {at}, after the end of the run at {horizon}");
        let place = operation.at.place.clone();
        let wrong = Diagnostic::error(Code::Contradiction, place, message);
        cx.diagnostics.push(wrong.allowed(format!("0s to less than {horizon}")));
    }
}
