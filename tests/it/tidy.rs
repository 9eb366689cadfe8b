//! House rules that no lint knows: sizes, forbidden words, opening comments.

use crate::source_tree::{SourceFile, files_below, root, sources};

const MOST_LINES: usize = 800;
const MOST_FUNCTION_LINES: usize = 70;
const MOST_COLUMNS: usize = 100;

/// (path, function) with a reason: functions that may be longer.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// (path, reason): control files that follow no upstream file.
const OF_OUR_OWN: &[(&str, &str)] = &[
    ("src/control/clock.rs", "arms timers; upstream waits for the clock of the machine"),
    ("src/control/rounds.rs", "keeps timers in order; no rule of its own"),
    ("src/control/memory.rs", "holds what the controllers remember; no rule of its own"),
    ("src/control/sampling.rs", "how inputs are drawn; no rule of upstream"),
    ("src/control/settings.rs", "constants, each beside its source"),
    ("src/control/cluster_autoscaler/plan.rs", "settings and memory; no rule of its own"),
    ("src/control/cluster_autoscaler/resources.rs", "a triple of numbers"),
    ("src/control/cluster_autoscaler/spec.rs", "the scenario's section; flags named as upstream"),
    ("src/control/cluster_autoscaler/view.rs", "translates the world; no rule of its own"),
    ("src/control/hpa/limit.rs", "names of reasons, as upstream writes them"),
    ("src/control/hpa/metric.rs", "inputs and outputs of the calculator"),
    ("src/control/scheduler/snapshot.rs", "counters; the table of the folder names upstream's"),
    ("src/control/front_door_health/sample_window.rs", "the table of the folder names the rule"),
    ("src/control/front_door_health/policy.rs", "the table of the folder names the rule"),
];

/// Layers that may look at the machine they run on.
const OUTER: &[&str] = &["src/report/", "src/cli/", "src/cli.rs", "src/main.rs"];

/// Words that would make a result depend on the machine or on chance without a name.
const NOT_REPRODUCIBLE: &[&str] = &[
    "HashMap",
    "HashSet",
    "std::time",
    "Instant::now",
    "SystemTime",
    "thread_rng",
    "SmallRng",
    "StdRng",
    "RandomState",
    "std::env",
    "env::var",
];

/// Functions of f64 whose last bits differ between platforms, and fused multiplication.
const NOT_PORTABLE: &[&str] = &[
    ".ln()",
    ".ln_1p()",
    ".log2()",
    ".log10()",
    ".log(",
    ".exp()",
    ".exp2()",
    ".exp_m1()",
    ".powf(",
    ".powi(",
    ".cbrt()",
    ".hypot(",
    ".sin()",
    ".cos()",
    ".tan()",
    ".sin_cos()",
    ".atan()",
    ".atan2(",
    ".sinh()",
    ".cosh()",
    ".tanh()",
    ".mul_add(",
];

type Rule = fn(&SourceFile) -> Vec<String>;

/// Rules for the sources, with names for messages.
const RULES: &[(&str, Rule)] = &[
    ("opens with //!", opens_with_a_page),
    ("at most 800 lines", short_files),
    ("functions of at most 70 lines", short_functions),
    ("lines of at most 100 columns", narrow_lines),
    ("reproducible below report", reproducible),
    ("portable maths", portable_maths),
    ("nothing unfinished", finished),
    ("unwrap in tests only", no_unwrap),
    ("control files name upstream", names_upstream),
];

fn at(file: &SourceFile, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", file.path)
}

fn opens_with_a_page(file: &SourceFile) -> Vec<String> {
    let opens = file.text.starts_with("//! ");
    if opens { Vec::new() } else { vec![at(file, 1, "does not open with `//!`")] }
}

fn short_files(file: &SourceFile) -> Vec<String> {
    let n_lines = file.text.lines().count();
    if n_lines <= MOST_LINES {
        return Vec::new();
    }
    vec![at(file, n_lines, &format!("{n_lines} lines"))]
}

/// The name of the function that a line begins.
fn function_begun(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        let (word, tail) = rest.split_once(' ')?;
        match word {
            "fn" => return Some(tail.split(['(', '<']).next().expect("split gives one")),
            "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"" => rest = tail,
            _ if word.starts_with("pub(") => rest = tail,
            _ => return None,
        }
    }
}

/// The number of lines of the function that begins at `lines[start]`, by its indentation.
fn function_lines(lines: &[&str], start: usize) -> usize {
    let indent = lines[start].len() - lines[start].trim_start().len();
    for (offset, line) in lines[start..].iter().enumerate() {
        let is_outer = line.len() - line.trim_start().len() == indent && !line.is_empty();
        let ends = line.trim_end().ends_with(['}', ';']);
        if is_outer && ends {
            return offset + 1;
        }
    }
    lines.len() - start
}

fn short_functions(file: &SourceFile) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut wrong = Vec::new();
    for start in 0..lines.len() {
        let Some(name) = function_begun(lines[start]) else { continue };
        let n_lines = function_lines(&lines, start);
        let excused = LONG_FUNCTIONS.iter().any(|(path, of, _)| *path == file.path && *of == name);
        if MOST_FUNCTION_LINES < n_lines && !excused {
            wrong.push(at(file, start + 1, &format!("`{name}` has {n_lines} lines")));
        }
    }
    wrong
}

fn narrow_lines(file: &SourceFile) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let n_columns = line.chars().count();
        if MOST_COLUMNS < n_columns {
            wrong.push(at(file, index + 1, &format!("{n_columns} columns")));
        }
    }
    wrong
}

/// Whether `code` has `word` with no letter on either side of it.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_letter(before) && !is_letter(after)
    })
}

fn reproducible(file: &SourceFile) -> Vec<String> {
    if OUTER.iter().any(|outer| file.path.starts_with(outer)) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (number, code) in file.code_lines() {
        for word in NOT_REPRODUCIBLE.iter().filter(|word| has_word(code, word)) {
            wrong.push(at(file, number, &format!("`{word}` below report")));
        }
    }
    wrong
}

fn portable_maths(file: &SourceFile) -> Vec<String> {
    if file.path == "src/sim/maths.rs" || file.path.ends_with("_tests.rs") {
        return Vec::new();
    }
    let tests = file.first_test_line();
    let mut wrong = Vec::new();
    for (number, code) in file.code_lines().take_while(|(number, _)| *number < tests) {
        for call in NOT_PORTABLE.iter().filter(|call| code.contains(**call)) {
            wrong.push(at(file, number, &format!("`{call}`: use sim::maths")));
        }
    }
    wrong
}

fn finished(file: &SourceFile) -> Vec<String> {
    let words = ["todo!", "unimplemented!", "dbg!", "#[ignore", "#[allow(", "#![allow("];
    let mut wrong = Vec::new();
    for (number, code) in file.code_lines() {
        for word in words.iter().filter(|word| code.contains(**word)) {
            wrong.push(at(file, number, &format!("`{word}`")));
        }
    }
    wrong
}

fn no_unwrap(file: &SourceFile) -> Vec<String> {
    if file.path.ends_with("_tests.rs") {
        return Vec::new();
    }
    let tests = file.first_test_line();
    let code = file.code_lines().take_while(|(number, _)| *number < tests);
    let found = code.filter(|(_, code)| code.contains(".unwrap()"));
    found.map(|(number, _)| at(file, number, "`unwrap` outside tests")).collect()
}

fn names_upstream(file: &SourceFile) -> Vec<String> {
    let excused = OF_OUR_OWN.iter().any(|(path, _)| *path == file.path);
    if !file.path.starts_with("src/control/") || excused {
        return Vec::new();
    }
    let page: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    let words = ["Follows", "upstream", "Stands in for", "The shell ", "(frontdoor/"];
    if words.iter().any(|word| page.contains(word)) {
        return Vec::new();
    }
    vec![at(file, 1, "does not say which upstream file it follows")]
}

#[test]
fn the_sources_are_tidy() {
    // Shows the house rules, each by reading every file of src/; all findings at once.
    let files = sources();
    let mut wrong = Vec::new();
    for (name, rule) in RULES {
        for finding in files.iter().flat_map(rule) {
            wrong.push(format!("{name}: {finding}"));
        }
    }
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_tests_and_benches_are_tidy() {
    // Shows the rules that hold for tests, too. This file names the forbidden words itself.
    let rules: [(&str, Rule); 4] = [
        ("opens with //!", opens_with_a_page),
        ("at most 800 lines", short_files),
        ("lines of at most 100 columns", narrow_lines),
        ("nothing unfinished", finished),
    ];
    let mut files = files_below("tests");
    files.extend(files_below("benches"));
    files.retain(|file| file.path.ends_with(".rs"));
    let mut wrong = Vec::new();
    for (name, rule) in rules {
        let checked = files.iter().filter(|file| file.path != "tests/it/tidy.rs");
        for finding in checked.flat_map(rule) {
            wrong.push(format!("{name}: {finding}"));
        }
    }
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    // Shows that nothing committed leads to somebody's home or to where this copy lies.
    let here = root().to_str().expect("a UTF-8 path");
    let mut places = vec!["/home/", "/root/", "/Users/"];
    if 3 <= here.matches('/').count() {
        places.push(here);
    }
    let mut files = Vec::new();
    for folder in [".ci", "src", "tests", "benches", "docs", "scenarios", "results/reference"] {
        if root().join(folder).is_dir() {
            files.extend(files_below(folder));
        }
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"] {
        let text = std::fs::read_to_string(root().join(name)).expect("a page of the project");
        files.push(SourceFile { path: name.to_owned(), text });
    }
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.path != "tests/it/tidy.rs") {
        for (index, line) in file.text.lines().enumerate() {
            for place in places.iter().filter(|place| line.contains(**place)) {
                wrong.push(at(file, index + 1, place));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_finds_what_it_forbids() {
    // Shows that each rule can fail: one planted offence per rule, and its innocent twin.
    let long = format!("//! Page.\nfn f() {{\n{}}}\n", "    g();\n".repeat(70));
    let fits = format!("//! Page.\nfn f() {{\n{}}}\n", "    g();\n".repeat(68));
    let wide = format!("//! Page.\n// {}\n", "x".repeat(98));
    let many = format!("//! Page.\n{}", "\n".repeat(800));
    let cases: &[(&str, Rule, &str, usize)] = &[
        ("src/sim/a.rs", opens_with_a_page, "use std::fmt;\n", 1),
        ("src/sim/a.rs", opens_with_a_page, "//! Page.\n", 0),
        ("src/sim/a.rs", short_files, &many, 1),
        ("src/sim/a.rs", short_functions, &long, 1),
        ("src/sim/a.rs", short_functions, &fits, 0),
        ("src/sim/a.rs", narrow_lines, &wide, 1),
        ("src/sim/a.rs", reproducible, "use std::time::Instant;\n", 1),
        ("src/sim/a.rs", reproducible, "let at: Instant = trace.begin; // std::time\n", 0),
        ("src/report/a.rs", reproducible, "use std::time::Instant;\n", 0),
        ("src/sim/a.rs", portable_maths, "let y = x.ln();\n", 1),
        ("src/sim/a.rs", portable_maths, "#[cfg(test)]\nlet y = x.ln();\n", 0),
        ("src/sim/a.rs", finished, "todo!()\n", 1),
        ("src/sim/a.rs", no_unwrap, "x.unwrap();\n", 1),
        ("src/control/a.rs", names_upstream, "//! A rule.\n", 1),
        ("src/control/a.rs", names_upstream, "//! Follows a.go.\n", 0),
    ];
    for (path, rule, text, n_findings) in cases {
        let file = SourceFile { path: (*path).to_owned(), text: (*text).to_owned() };
        assert_eq!(rule(&file).len(), *n_findings, "{path}: {text}");
    }
}

#[test]
fn every_exception_is_still_needed() {
    // Shows that the lists of exceptions name files that exist.
    let paths: Vec<String> = sources().into_iter().map(|file| file.path).collect();
    let excused = OF_OUR_OWN.iter().map(|(path, _)| *path);
    for path in excused.chain(LONG_FUNCTIONS.iter().map(|(path, ..)| *path)) {
        assert!(paths.iter().any(|other| other == path), "{path} is gone");
    }
}
