//! Operations: what they are about, and laws that they change.

use super::{Resolved, Resolving};

/// Adds all operations, with the names by which facts call them.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    for spec in cx.decoded.spec.operations.iter() {
        let law = spec.law().map(|law| cx.law(law));
        let decision = spec.after.as_ref().map(|after| cx.law(&after.decision));
        made.operations.extend(spec.resolve(&made.world, law, decision, cx.diagnostics));
    }
    made.world.operation_names = made.operations.iter().map(|o| o.name.clone()).collect();
}
