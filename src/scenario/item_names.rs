//! Paths as people call them: list items by their names, as `--set` understands them.

use std::collections::BTreeMap;

use crate::spec::Leaf;

/// The name of each list item that has one, by its path: `clusters[0]` is called `primary`.
#[derive(Debug)]
pub struct ItemNames<'l> {
    by_path: BTreeMap<&'l str, &'l str>,
}

impl<'l> ItemNames<'l> {
    /// The names among these values.
    #[must_use]
    pub fn among(leaves: &'l [Leaf]) -> Self {
        let named = leaves.iter().filter_map(|leaf| {
            let item = leaf.place.path.strip_suffix(".name").filter(|item| item.ends_with(']'))?;
            Some((item, leaf.shown.as_str()))
        });
        Self { by_path: named.collect() }
    }

    /// `clusters[0].pools[1]` as `clusters[primary].pools[user]`.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        let mut shown = String::new();
        let mut rest = 0;
        for (end, _) in path.match_indices(']') {
            let start = path[..end].rfind('[').expect("brackets come in pairs");
            shown += &path[rest..=start];
            shown += self.by_path.get(&path[..=end]).unwrap_or(&&path[start + 1..end]);
            rest = end;
        }
        shown + &path[rest..]
    }
}

/// A path with `[*]` for every item of a list.
#[must_use]
pub fn everywhere(path: &str) -> String {
    let mut text = String::new();
    let mut depth = 0_u32;
    for c in path.chars() {
        if c == ']' {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            text.push(c);
        }
        if c == '[' {
            depth += 1;
            text.push('*');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place in a list does not matter, by number or by name, one list in another included.
    #[test]
    fn places_in_lists_are_left_out() {
        for (path, expected) in [
            ("frontDoor.probe.timeout", "frontDoor.probe.timeout"),
            ("clusters[primary].pools[0].reboot", "clusters[*].pools[*].reboot"),
        ] {
            assert_eq!(everywhere(path), expected);
        }
    }
}
