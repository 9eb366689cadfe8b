//! Operations: what they are about, and laws that they change.

use super::{Resolved, Resolving};

/// Adds all operations, with the names by which facts call them.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    for spec in cx.decoded.spec.operations.iter() {
        let start_up = spec.rollout.as_ref().and_then(|rollout| rollout.start_up.as_ref());
        let start_up = start_up.map(|law| cx.law(law));
        made.operations.extend(spec.resolve(&made.world, start_up, cx.diagnostics));
    }
    made.world.operation_names = made.operations.iter().map(|o| o.name.clone()).collect();
}
