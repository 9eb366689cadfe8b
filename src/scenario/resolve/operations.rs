//! Operations: what they are about, and laws that they change.

use crate::control::operations::begin::AfterSpec;

use super::{Resolved, Resolving};

/// Adds all operations, with the names by which facts call them.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let names = cx.decoded.spec.operations.iter().map(|spec| spec.name.as_str().to_owned());
    made.world.operation_names = names.collect();
    for spec in cx.decoded.spec.operations.iter() {
        let law = spec.law().map(|law| cx.law(law));
        let wait = spec.after.as_ref().and_then(AfterSpec::law).map(|wait| cx.law(wait));
        made.operations.extend(spec.resolve(&made.world, law, wait, cx.diagnostics));
    }
}
