//! What a reader of counts must know: how long a deployment was near saturation, where counts are
//! least exact.

use super::words::duration;

/// Counts and single requests on random systems that were near saturation at some time: nine in
/// ten differ by less, in failed users of all users (`docs/fidelity.md`).
const WIDER: &str = "4 %";

/// The same of systems that never were.
const NARROW: &str = "0.6 %";

/// What to know of a time near saturation \[s\]; None where there was none, or requests were
/// simulated one by one. `of_what` says what the time is.
#[must_use]
pub fn note(near_s: Option<f64>, of_what: &str) -> Option<String> {
    let near_s = near_s.filter(|&near_s| 0.0 < near_s)?;
    Some(format!(
        "Counts are least exact near saturation, at 95 % to 105 % of what workers can do: {} \
         {of_what}. There nine in ten random systems agree with single requests within {WIDER} of \
         all users, elsewhere within {NARROW}; --fidelity requests simulates them one by one.",
        duration(near_s)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only counts that were near saturation have a note.
    #[test]
    fn only_where_it_was() {
        assert_eq!(note(None, "of the run"), None);
        assert_eq!(note(Some(0.0), "of the run"), None);
        let note = note(Some(90.0), "of the run").unwrap();
        assert!(note.contains("can do: 1 min 30 s of the run."), "{note}");
    }
}
