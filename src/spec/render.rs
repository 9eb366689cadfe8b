//! Diagnostics as text for people.

use std::fmt::Write;

use super::diagnostic::{Diagnostics, Severity};
use super::source::Sources;

/// All diagnostics in the order of the text, with their source lines.
#[must_use]
pub fn render(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.sorted() {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let span = diagnostic.place.span;
        let source = sources.get(span.source);
        writeln!(out, "{severity}[{}]: {}", diagnostic.code, diagnostic.message)
            .expect("a String takes all");
        writeln!(out, " --> {}:{}", source.name(), span.start).expect("a String takes all");
        for (label, text) in [("allowed", &diagnostic.allowed), ("help", &diagnostic.help)] {
            if let Some(text) = text {
                writeln!(out, "  = {label}: {text}").expect("a String takes all");
            }
        }
    }
    out
}
