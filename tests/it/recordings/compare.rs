//! Recorded against simulated: the same events, each within the tolerance.

use std::collections::BTreeMap;

use super::TOLERANCE_S;

/// What happened, by kind and whom it happened to, each at its instants \[s\].
pub(super) type Course = BTreeMap<(&'static str, String), Vec<f64>>;

/// Notes an event.
pub(super) fn note(course: &mut Course, kind: &'static str, whom: impl Into<String>, at_s: f64) {
    course.entry((kind, whom.into())).or_default().push(at_s);
}

/// The greatest distance of two courses; infinite if their events differ in number.
pub(super) fn distance(recorded: &Course, simulated: &Course) -> f64 {
    if !recorded.keys().eq(simulated.keys()) {
        return f64::INFINITY;
    }
    let pairs = recorded.values().zip(simulated.values());
    pairs.map(|(recorded, simulated)| apart(recorded, simulated)).fold(0.0, f64::max)
}

fn apart(recorded: &[f64], simulated: &[f64]) -> f64 {
    if recorded.len() != simulated.len() {
        return f64::INFINITY;
    }
    let mut sorted = [recorded.to_vec(), simulated.to_vec()];
    sorted.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    let pairs = sorted[0].iter().zip(&sorted[1]);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Fails if a line differs, with all that were compared.
pub(super) fn assert_same(file: &str, recorded: &Course, simulated: &Course) {
    assert!(!recorded.is_empty(), "{file}: nothing was recorded");
    let (mut rows, mut is_same) = (String::new(), true);
    let nothing = Vec::new();
    for key in recorded.keys().chain(simulated.keys().filter(|key| !recorded.contains_key(key))) {
        let [real, ours] = [recorded, simulated].map(|course| course.get(key).unwrap_or(&nothing));
        let apart = apart(real, ours);
        let is_near = apart <= TOLERANCE_S;
        is_same &= is_near;
        let ((kind, whom), mark) = (key, if is_near { ' ' } else { '!' });
        rows += &format!(
            "\n{mark} {kind} {whom}: recorded {real:.3?}, simulated {ours:.3?}, {apart:.3} s apart"
        );
    }
    assert!(is_same, "{file}: greatest distance allowed {TOLERANCE_S} s{rows}");
}
