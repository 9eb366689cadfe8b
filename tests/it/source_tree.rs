//! The files of the project as text, for the tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// A file with its path from the project's root, written with slashes.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// The lines with their numbers, each without its comment.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, without_comment(line)))
    }

    /// Where the unit tests at the end of the file begin, as a line number.
    pub(crate) fn first_test_line(&self) -> usize {
        let tests = self.text.lines().position(|line| line.starts_with("#[cfg(test)]"));
        tests.map_or(usize::MAX, |index| index + 1)
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files below `folder`, by path.
pub(crate) fn files_below(folder: &str) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    paths.into_iter().filter_map(read).collect()
}

/// The Rust files of the library and the command.
pub(crate) fn sources() -> Vec<SourceFile> {
    let files = files_below("src");
    files.into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// A text file, or `None` for fonts and pictures.
fn read(path: PathBuf) -> Option<SourceFile> {
    let text = String::from_utf8(fs::read(&path).expect("a file of the project")).ok()?;
    let relative = path.strip_prefix(root()).expect("found below the root");
    let path = relative.to_str().expect("paths of the project are UTF-8").replace('\\', "/");
    Some(SourceFile { path, text })
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// A line up to its `//`, unless that stands in a text.
fn without_comment(line: &str) -> &str {
    let mut in_text = false;
    let mut previous = ' ';
    for (at, character) in line.char_indices() {
        match character {
            '"' if previous != '\\' && previous != '\'' => in_text = !in_text,
            '/' if !in_text && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
        previous = character;
    }
    line
}

#[test]
fn comments_end_code_but_not_texts() {
    // Shows the reading of one line, since every check of the house rests on it.
    assert_eq!(without_comment("let a = 1; // crate::cli"), "let a = 1; ");
    assert_eq!(without_comment("//! HashMap"), "");
    assert_eq!(without_comment(r#"let a = "https://x"; // b"#), r#"let a = "https://x"; "#);
    assert_eq!(without_comment(r#"let quote = '"'; a // b"#), r#"let quote = '"'; a "#);
}
