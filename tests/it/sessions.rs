//! The sessions in README.md and the tutorial: every command is run, every line compared.
//!
//! A fenced `console` block holds commands after `$ ` and what they print: the standard output,
//! then the standard error. A line of three dots stands for any number of lines. The commands of
//! a page run one after the other in one folder that holds a copy of `scenarios/`, and each must
//! succeed. `TIDEOVER_BLESS=1` writes what was printed into the page.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::source_tree::root;

const FENCE: &str = "```console";
const TYPED: &str = "cargo run --release -- ";
const ANYTHING: &str = "...";

/// A command of a page, and the lines of the page that say what it prints.
#[derive(Debug)]
struct Step {
    command: String,
    first_line: usize,
    expected: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_block = false;
    for (index, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            in_block = !in_block && line == FENCE;
        } else if let (true, Some(command)) = (in_block, line.strip_prefix("$ ")) {
            let command = command.to_owned();
            steps.push(Step { command, first_line: index + 1, expected: Vec::new() });
        } else if in_block {
            let step = steps.last_mut().expect("a block begins with a command");
            step.expected.push(line.trim_end().to_owned());
        }
    }
    steps
}

/// What a command prints, in lines.
fn printed(command: &str, folder: &Path) -> Vec<String> {
    let binary = format!("'{}' ", env!("CARGO_BIN_EXE_tideover"));
    let typed = command.replace(TYPED, &binary);
    let output = Command::new("sh").arg("-c").arg(&typed).current_dir(folder).output();
    let output = output.expect("a shell");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(output.status.success(), "`{command}` failed: {}\n{text}", output.status);
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Whether `lines` are the expected ones, where three dots stand for any lines.
fn matches(expected: &[String], lines: &[String]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == ANYTHING => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines.first() == Some(first) && matches(rest, &lines[1..]),
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder");
    for entry in fs::read_dir(from).expect("a folder of the project") {
        let path = entry.expect("an entry of it").path();
        let target = to.join(path.file_name().expect("entries have names"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("room for a copy");
        }
    }
}

/// The page with what was printed in place of what it says, where it spells every line out.
fn blessed(page: &str, steps: &[Step], outputs: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    for (step, output) in steps.iter().zip(outputs).rev() {
        let is_whole = !step.expected.iter().any(|line| line == ANYTHING);
        if is_whole {
            let end = step.first_line + step.expected.len();
            lines.splice(step.first_line..end, output.iter().cloned());
        }
    }
    lines.join("\n") + "\n"
}

fn check(path: &str) {
    let page = fs::read_to_string(root().join(path)).expect("the page");
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&root().join("scenarios"), &folder.path().join("scenarios"));
    let mut steps = steps(&page);
    assert!(!steps.is_empty(), "{path} has no session");
    let outputs: Vec<_> = steps.iter().map(|s| printed(&s.command, folder.path())).collect();
    let mut page = page;
    if std::env::var_os("TIDEOVER_BLESS").is_some() {
        page = blessed(&page, &steps, &outputs);
        fs::write(root().join(path), &page).expect("the page is writable");
        steps = self::steps(&page);
    }
    for (step, lines) in steps.iter().zip(&outputs) {
        assert!(
            matches(&step.expected, lines),
            "{path}:{}: `{}` printed\n{}\n(TIDEOVER_BLESS=1 writes it into the page)",
            step.first_line,
            step.command,
            lines.join("\n")
        );
    }
}

#[test]
fn the_readme_tells_what_happens() {
    // Shows that a newcomer who types the README's commands sees the README's lines.
    check("README.md");
}

#[test]
fn the_tutorial_tells_what_happens() {
    // Shows the same for the tutorial.
    check("docs/tutorial.md");
}

#[test]
fn the_comparison_of_patterns_tells_what_happens() {
    // Shows the same for the page that compares the published patterns.
    check("docs/patterns.md");
}

#[test]
fn the_page_on_differences_tells_what_happens() {
    // Shows the same for the page that explains `diff`.
    check("docs/diff.md");
}

#[test]
fn the_page_on_sweeps_tells_what_happens() {
    // Shows the same for the page that explains `sweep`.
    check("docs/sweep.md");
}

#[test]
fn dots_stand_for_lines_and_nothing_else() {
    // Shows the comparison itself, row by row: expected, printed, whether they agree.
    let cases: &[(&str, &str, bool)] = &[
        ("a b", "a b", true),
        ("a", "a b", false),
        ("a b", "a", false),
        ("... b", "a b", true),
        ("...", "", true),
        ("a ... c", "a b b c", true),
        ("a ... d", "a b b c", false),
        ("... a ...", "b c", false),
    ];
    let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (expected, printed, agree) in cases {
        assert_eq!(matches(&lines(expected), &lines(printed)), *agree, "{expected} | {printed}");
    }
}

#[test]
fn blessing_writes_what_was_printed() {
    // Shows that whole outputs are replaced, shortened ones are not, and the page stays.
    let page = "A\n```console\n$ one\nold\n$ two\n...\nlast\n```\nB\n";
    let steps = steps(page);
    let outputs = vec![vec!["new".to_owned(), "newer".to_owned()], vec!["last".to_owned()]];
    let wanted = "A\n```console\n$ one\nnew\nnewer\n$ two\n...\nlast\n```\nB\n";
    assert_eq!(blessed(page, &steps, &outputs), wanted);
}
