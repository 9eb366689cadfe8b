//! The nearest known word, for "did you mean": edit distance with transpositions.

/// The candidate that a typing mistake away from `word` may have meant, if one is near enough.
///
/// Near enough is a third of the word's length (at least 1 edit); letter case counts nothing.
/// The first of several equally near candidates wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(MAX_CHARS).flat_map(char::to_lowercase).collect();
    let limit = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        // A unit at the end is left out more often than a letter is mistyped: `rto` for `rto_s`.
        let lacks_unit = other.strip_prefix(&*word).is_some_and(|rest| rest.starts_with(&['_']));
        let distance = if lacks_unit { 1 } else { edit_distance(&word, &other) };
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Longer words are cut before they are compared: names and keys are at most 63 characters.
const MAX_CHARS: usize = 64;

/// Least number of insertions, deletions, replacements and swaps of neighbours (optimal string
/// alignment distance, the restricted form of Damerau and Levenshtein's).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before_previous = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(previous[j] + 1).min(row[j - 1] + 1);
            let swapped = 1 < i && 1 < j && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before_previous[j - 2] + 1);
            }
        }
        before_previous = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per kind of typing mistake; too far away gives no suggestion.
    #[test]
    fn suggests_the_word_that_was_meant() {
        let known = ["replicas", "rate", "name", "minReplicas", "maxReplicas", "rto_s"];
        for (typed, meant) in [
            ("replicsa", Some("replicas")),
            ("replica", Some("replicas")),
            ("rates", Some("rate")),
            ("Name", Some("name")),
            ("minreplicas", Some("minReplicas")),
            ("max_replicas", Some("maxReplicas")),
            ("rto", Some("rto_s")),
            ("_s", None),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }

    /// The distance counts each kind of edit once.
    #[test]
    fn distance_counts_edits() {
        let distance = |a: &str, b: &str| {
            edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        for (a, b, edits) in
            [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("kitten", "sitting", 3), ("x", "yz", 2)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (edits, edits), "{a} {b}");
        }
    }
}
