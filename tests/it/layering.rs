//! The layers: a module imports itself and the layers below it, never one above.

use crate::source_tree::{SourceFile, root, sources};

/// The layers, lowest first.
const LAYERS: &[&str] = &[
    "units",
    "spec",
    "sim",
    "model",
    "traffic",
    "control",
    "faults",
    "scenario",
    "simulation",
    "metrics",
    "experiment",
    "report",
    "cli",
];

/// Macros stand at the root of a crate, whichever module wrote them.
const MACROS: &[(&str, &str)] = &[("section", "spec"), ("one_of", "spec"), ("choice", "spec")];

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|other| *other == layer)
}

/// The layer that a file belongs to; `None` for the roots, which see everything.
fn layer_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/").expect("a source file");
    let first = inside.split('/').next().expect("split gives a first part");
    let layer = first.strip_suffix(".rs").unwrap_or(first);
    (layer != "lib" && layer != "main").then_some(layer)
}

/// The modules at the crate's root that a line of code names, `crate::{a, b::c}` included.
fn named_roots(code: &str) -> Vec<String> {
    let mut roots = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => roots.extend(names_of_group(group)),
            None => roots.push(leading_name(rest)),
        }
    }
    roots
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first names of `a, b::{c, d}}`.
fn names_of_group(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().expect("never empty").push(character),
            _ => {}
        }
    }
    names.iter().map(|name| leading_name(name.trim())).collect()
}

/// Whether `super::super::...` climbs out of the layer's own module.
fn climbs_out(path: &str, code: &str) -> bool {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let indented = code.starts_with(' ');
    let depth = inside.split('/').count() + usize::from(indented);
    let chain = code.split_whitespace().map(|word| word.matches("super::").count());
    depth <= chain.max().unwrap_or(0)
}

/// What is wrong with the imports of one file, each with its line.
fn upward_imports(file: &SourceFile) -> Vec<String> {
    let Some(layer) = layer_of(&file.path) else { return Vec::new() };
    let Some(own_rank) = rank(layer) else {
        return vec![format!("{}: `{layer}` is in no layer", file.path)];
    };
    let mut wrong = Vec::new();
    for (number, code) in file.code_lines() {
        let place = format!("{}:{number}", file.path);
        if climbs_out(&file.path, code) {
            wrong.push(format!("{place}: `super` leads out of `{layer}`: write `crate::`"));
        }
        for root in named_roots(code) {
            let owner = MACROS.iter().find(|(name, _)| *name == root).map(|(_, owner)| *owner);
            match rank(owner.unwrap_or(&root)) {
                None => wrong.push(format!("{place}: `crate::{root}` is in no layer")),
                Some(other) if own_rank < other => {
                    wrong.push(format!("{place}: `{layer}` lies below `{root}`"));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

#[test]
fn no_module_imports_a_layer_above_its_own() {
    // Shows the order of the layers, by reading every path of src/ that starts at the root.
    let files = sources();
    assert!(100 < files.len(), "only {} files found", files.len());
    let wrong: Vec<String> = files.iter().flat_map(upward_imports).collect();
    assert!(wrong.is_empty(), "upward imports:\n{}", wrong.join("\n"));
}

#[test]
fn the_check_finds_planted_upward_imports() {
    // Shows that the check above can fail: one row per way of writing a path.
    let cases: &[(&str, &str, bool)] = &[
        ("src/sim/timers.rs", "use crate::control::Cx;", true),
        ("src/control/mod.rs", "use crate::sim::timers::Timers;", false),
        ("src/sim/timers.rs", "use crate::sim::maths;", false),
        ("src/units/time.rs", "fn f(place: &crate::spec::Place) {}", true),
        ("src/model/pod.rs", "use crate::{sim::maths, faults::{Fault, self}};", true),
        ("src/model/pod.rs", "use crate::{sim::maths, units::{Time, Span}};", false),
        ("src/spec/section.rs", "        $crate::spec::Section", false),
        ("src/sim/laws.rs", "        $crate::model::Pod", true),
        ("src/units/time.rs", "use super::super::cli::run;", true),
        ("src/control/hpa/sync.rs", "use super::super::Cx;", false),
        ("src/units.rs", "    use super::*;", false),
        ("src/units/time.rs", "// see crate::cli", false),
        ("src/helpers.rs", "use std::fmt;", true),
        ("src/main.rs", "use crate::cli;", false),
    ];
    for (path, text, is_upward) in cases {
        let file = SourceFile { path: (*path).to_owned(), text: (*text).to_owned() };
        assert_eq!(!upward_imports(&file).is_empty(), *is_upward, "{path}: {text}");
    }
}

#[test]
fn the_crate_page_names_the_same_layers() {
    // Shows that lib.rs tells the order that the test above checks.
    let file = sources().into_iter().find(|file| file.path == "src/lib.rs").expect("lib.rs");
    let page: String = file.text.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let words: Vec<&str> = page.split_whitespace().collect();
    assert!(words.join(" ").contains(&LAYERS.join(" < ")), "lib.rs gives another order");
}

/// The paths in the code map of ARCHITECTURE.md: first cell of each row that names a `src/` path.
fn mapped_paths(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `src/"));
    rows.map(|row| format!("src/{}", row.split('`').next().expect("split gives one"))).collect()
}

#[test]
fn the_code_map_matches_the_code() {
    // Shows that ARCHITECTURE.md lists every module of the two upper levels, and no other.
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mapped = mapped_paths(&page);
    for path in &mapped {
        assert!(root().join(path).exists(), "ARCHITECTURE.md maps {path}, which is not there");
    }
    for file in sources() {
        let parts: Vec<&str> = file.path.split('/').collect();
        let wanted = match parts.as_slice() {
            ["src", file] => format!("src/{file}"),
            ["src", layer, ..] => format!("src/{layer}/"),
            other => unreachable!("a source outside src: {other:?}"),
        };
        let is_mapped = mapped.contains(&wanted);
        let folder_of = wanted.strip_suffix(".rs").map(|stem| format!("{stem}/"));
        let by_folder = folder_of.is_some_and(|folder| mapped.contains(&folder));
        assert!(is_mapped || by_folder, "ARCHITECTURE.md does not map {wanted}");
    }
}
