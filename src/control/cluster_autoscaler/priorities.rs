//! The lists of the priority expander: which priority a group's name gives it.
//!
//! Follows expander/priority/priority.go, which reads the ConfigMap
//! `cluster-autoscaler-priority-expander`. Read once, when a scenario is loaded.

use std::fmt;

use regex::Regex;

/// Below this a priority never wins upstream.
const LEAST: i64 = -1;

/// Patterns of group names by priority.
#[derive(Clone, Debug, Default)]
pub struct Priorities {
    lists: Vec<(i64, Vec<Regex>)>,
}

/// A pattern that is not a regular expression; upstream then ignores the whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a regular expression: {}", self.pattern, self.why)
    }
}

impl std::error::Error for BadPattern {}

impl Priorities {
    /// Reads lists of patterns with their priorities.
    pub fn compile<'a>(
        lists: impl IntoIterator<Item = (i64, Vec<&'a str>)>,
    ) -> Result<Self, BadPattern> {
        let compile_one = |pattern: &str| {
            Regex::new(pattern)
                .map_err(|error| BadPattern { pattern: pattern.into(), why: error.to_string() })
        };
        let compile_list = |(priority, patterns): (i64, Vec<&str>)| {
            let patterns: Result<Vec<Regex>, _> = patterns.into_iter().map(compile_one).collect();
            patterns.map(|patterns| (priority, patterns))
        };
        let lists: Result<_, _> = lists.into_iter().map(compile_list).collect();
        lists.map(|lists| Self { lists })
    }

    /// The highest priority with a pattern that occurs anywhere in the name.
    #[must_use]
    pub fn of(&self, group_name: &str) -> Option<i64> {
        let matching = self.lists.iter().filter(|(priority, patterns)| {
            LEAST <= *priority && patterns.iter().any(|pattern| pattern.is_match(group_name))
        });
        matching.map(|(priority, _)| *priority).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns are not anchored, the highest list wins, and a bad one is named.
    #[test]
    fn the_highest_matching_list_wins() {
        let lists = [(10, vec!["spot"]), (50, vec!["^gpu", "big"]), (-2, vec!["never"])];
        let priorities = Priorities::compile(lists).unwrap();
        for (name, priority) in
            [("my-spot-1", Some(10)), ("big-spot", Some(50)), ("my-gpu", None), ("never", None)]
        {
            assert_eq!(priorities.of(name), priority, "{name}");
        }
        let error = Priorities::compile([(1, vec!["a("])]).unwrap_err();
        assert_eq!(error.pattern, "a(");
    }
}
