//! Diagnostics as text for people, in the form that compilers use, and as data for programs.

use std::fmt::Write;

use serde::Serialize;

use super::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use super::names::is_hidden;
use super::source::{Source, Sources};
use super::span::SourceSpan;

/// How many diagnostics are printed; the others are counted.
const SHOWN: usize = 100;

/// All diagnostics in the order of the text, each with its source line, then their number.
///
/// ```text
/// error[unknown-key]: unknown key `replicsa`
///  --> scenario.yaml:2:3, at workload.replicsa
///   |
/// 2 |   replicsa: 3
///   |   ^^^^^^^^
///   = allowed: the keys replicas, rate
///   = help: did you mean `replicas`?
/// ```
///
/// Control and invisible characters are shown escaped, so that no text can write to a terminal
/// anything but itself.
#[must_use]
pub fn render(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.sorted().into_iter().take(SHOWN) {
        write_one(&mut out, diagnostic, sources).expect("a String takes all");
    }
    write_total(&mut out, diagnostics).expect("a String takes all");
    out
}

fn write_one(out: &mut String, diagnostic: &Diagnostic, sources: &Sources) -> std::fmt::Result {
    let Diagnostic { code, place, message, .. } = diagnostic;
    let source = sources.get(place.span.source);
    writeln!(out, "{}[{code}]: {}", diagnostic.severity.name(), escaped(message))?;
    let path = if place.path.is_empty() { String::new() } else { format!(", at {}", place.path) };
    writeln!(out, " --> {}:{}{}", escaped(source.name()), place.span.start, escaped(&path))?;
    write_line(out, place.span, source)?;
    let notes = [("allowed", &diagnostic.allowed), ("help", &diagnostic.help)];
    let margin = " ".repeat(place.span.start.line.to_string().len());
    for (label, text) in notes {
        if let Some(text) = text {
            writeln!(out, "{margin} = {label}: {}", escaped(text))?;
        }
    }
    writeln!(out)
}

/// Writes the line of `span` with carets under it; a long line is cut around the place.
fn write_line(out: &mut String, span: SourceSpan, source: &Source) -> std::fmt::Result {
    const WIDTH: usize = 96;
    const BEFORE: usize = 40;
    let Some(line) = source.line(span.start.line).filter(|line| !line.is_empty()) else {
        return Ok(());
    };
    let column = span.start.column as usize - 1;
    let skipped = if column < WIDTH { 0 } else { column - BEFORE };
    let end = if span.end.line == span.start.line { span.end.column as usize - 1 } else { 0 };
    let (mut text, mut carets) = (String::new(), String::new());
    for (at, c) in line.chars().enumerate().skip(skipped).take(WIDTH) {
        let shown = if c == '\t' { " ".to_owned() } else { escaped(&c.to_string()) };
        let mark = if at == column || (column < at && at < end) { "^" } else { " " };
        carets.push_str(&mark.repeat(shown.chars().count()));
        text.push_str(&shown);
    }
    if !carets.contains('^') {
        carets.push('^');
    }
    let number = span.start.line.to_string();
    let margin = " ".repeat(number.len());
    writeln!(out, "{margin} |\n{number} | {text}\n{margin} | {}", carets.trim_end())
}

fn write_total(out: &mut String, diagnostics: &Diagnostics) -> std::fmt::Result {
    let (errors, warnings) = diagnostics.totals();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    if SHOWN < diagnostics.len() {
        writeln!(out, "and {} more", diagnostics.len() - SHOWN)?;
    }
    match (errors, warnings) {
        (0, 0) => Ok(()),
        (_, 0) => writeln!(out, "{}", plural(errors, "error")),
        (0, _) => writeln!(out, "{}", plural(warnings, "warning")),
        _ => writeln!(out, "{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

/// `text` with control and invisible characters written as `\u{1b}`.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// A diagnostic as data: the JSON form of `check --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reported {
    /// Stable kind, e.g. `unknown-key`.
    pub code: Code,
    /// `error` or `warning`.
    pub severity: Severity,
    /// The file as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Field path, e.g. `workloads[0].hpa.minReplicas`; empty for the file as a whole.
    pub path: String,
    /// What was read.
    pub message: String,
    /// What is allowed.
    pub allowed: Option<String>,
    /// What to type.
    pub help: Option<String>,
}

/// All kept diagnostics as data, in the order of the text.
#[must_use]
pub fn reported(diagnostics: &Diagnostics, sources: &Sources) -> Vec<Reported> {
    let one = |diagnostic: &Diagnostic| Reported {
        code: diagnostic.code,
        severity: diagnostic.severity,
        file: sources.get(diagnostic.place.span.source).name().to_owned(),
        line: diagnostic.place.span.start.line,
        column: diagnostic.place.span.start.column,
        path: diagnostic.place.path.to_string(),
        message: diagnostic.message.clone(),
        allowed: diagnostic.allowed.clone(),
        help: diagnostic.help.clone(),
    };
    diagnostics.sorted().into_iter().map(one).collect()
}
