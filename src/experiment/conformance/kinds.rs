//! All kinds of vectors, and the one function that checks a line.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fields::Fields;
use super::{
    autoscaler_state, binpacking, expansion, hpa_behavior, hpa_replicas, node_lifecycle,
    pod_deletion,
};

/// What a line proves: nothing, or what came out instead.
pub(super) type Verdict = Result<(), String>;

/// A kind of line, and the check of such a line.
pub(super) type Kind = (&'static str, fn(&Fields<'_>) -> Verdict);

/// Two families know an order; a line of the estimator's has a node.
const ORDER: &[Kind] = &[("order", order)];

const FAMILIES: [&[Kind]; 8] = [
    hpa_replicas::KINDS,
    hpa_behavior::KINDS,
    pod_deletion::KINDS,
    binpacking::KINDS,
    expansion::KINDS,
    autoscaler_state::KINDS,
    node_lifecycle::KINDS,
    ORDER,
];

/// The names of all kinds that can be checked.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().flat_map(|family| family.iter().map(|(kind, _)| *kind))
}

fn order(line: &Fields<'_>) -> Verdict {
    if line.has("node_allocatable") {
        binpacking::group_order(line)
    } else {
        pod_deletion::full_order(line)
    }
}

/// Runs one line through the check of its kind.
pub(super) fn check(kind: &str, line: &Fields<'_>) -> Verdict {
    let known = FAMILIES.iter().flat_map(|family| family.iter()).find(|(name, _)| *name == kind);
    let (_, check) = known.ok_or_else(|| "nothing checks this kind".to_owned())?;
    // A line cannot break an assertion of a controller; if one does, that is said of this line.
    catch_unwind(AssertUnwindSafe(|| check(line)))
        .unwrap_or_else(|_| Err(String::from(BROKEN_ASSERTION)))
}

/// The verdict on a line that makes a controller panic.
pub(super) const BROKEN_ASSERTION: &str = "an assertion broke: tideover made a mistake";

/// Compares a result with what a line expects.
pub(super) fn expect_equal<T: PartialEq + Debug>(what: &str, got: T, expected: T) -> Verdict {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what} is {got:?}, upstream has {expected:?}"))
    }
}
