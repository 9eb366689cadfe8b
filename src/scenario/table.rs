//! CSV files that a scenario refers to: traces, recorded arrivals, measured durations.
//!
//! A file is named relative to the scenario's folder and must lie in it. It is read as safely as
//! the scenario itself, and messages about it give its own lines.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::model::duration::{EmpiricalSpec, TimeUnit};
use crate::spec::{
    Code, Diagnostic, Diagnostics, Place, Position, Set, SourceId, SourceSpan, Sources, Text,
    nearest,
};

/// The CSV files of a scenario, each read once.
#[derive(Debug)]
pub struct Tables {
    sources: Sources,
    folder: PathBuf,
    read: BTreeMap<String, Option<SourceId>>,
}

/// A cell of a column with its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The line in the file, from 1.
    pub line: u32,
    /// Its text.
    pub text: String,
}

/// A column of a file.
#[derive(Clone, Debug)]
pub struct Column {
    source: SourceId,
    /// Its path for messages, e.g. `demands[0].arrivals.trace.count`.
    path: Place,
    /// Its cells in order.
    pub cells: Vec<Cell>,
}

impl Column {
    /// A mistake in the cell of `line`.
    #[must_use]
    pub fn wrong(&self, line: u32, message: impl Into<String>) -> Diagnostic {
        let start = Position { line, column: 1 };
        let span = SourceSpan { source: self.source, start, end: start };
        Diagnostic::error(Code::BadTable, Place::new(span, &self.path.path), message)
    }
}

impl Tables {
    /// No files yet; their names are relative to `folder`.
    #[must_use]
    pub fn new(sources: Sources, folder: &Path) -> Self {
        Self { sources, folder: folder.to_owned(), read: BTreeMap::new() }
    }

    /// All texts, the files included.
    #[must_use]
    pub fn into_sources(self) -> Sources {
        self.sources
    }

    /// The texts of the files in the order of their names, for the scenario's hash.
    pub fn texts(&self) -> impl Iterator<Item = &str> + '_ {
        self.read.values().flatten().map(|&id| self.sources.get(id).text())
    }

    /// The column called `header` of the file `csv`, or `None` after a report.
    pub fn column(
        &mut self,
        csv: &Set<Text>,
        header: &Set<Text>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Column> {
        let source = self.open(csv, diagnostics)?;
        let path = header.place.clone();
        let column = Column { source, path, cells: Vec::new() };
        read_column(self.sources.get(source).text(), column, header, diagnostics)
    }

    /// The values \[s\] of an empirical law, or `None` after a report.
    pub fn durations(
        &mut self,
        law: &EmpiricalSpec,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<f64>> {
        let unit = unit_of(*law.unit, &law.column, diagnostics)?;
        let column = self.column(&law.csv, &law.column, diagnostics)?;
        let values = numbers(&column, diagnostics)?;
        Some(values.into_iter().map(|value| value * unit.seconds()).collect())
    }

    fn open(&mut self, csv: &Set<Text>, diagnostics: &mut Diagnostics) -> Option<SourceId> {
        if let Some(known) = self.read.get(csv.as_str()) {
            return *known;
        }
        let source = if stays_inside(csv.as_str()) {
            let mut found = Diagnostics::new();
            let source = self.sources.read(&self.folder.join(csv.as_str()), &mut found);
            for wrong in found.sorted() {
                // What is wrong with the file is said where the scenario names it, too.
                let place = Place::new(wrong.place.span, &csv.place.path);
                diagnostics.push(Diagnostic { place, ..wrong.clone() });
            }
            source
        } else {
            let message = format!("read the path `{}`", csv.as_str());
            let wrong = Diagnostic::error(Code::BadName, csv.place.clone(), message);
            diagnostics
                .push(wrong.allowed(
                    "a path relative to the scenario's folder, with `/` and without `..`",
                ));
            None
        };
        self.read.insert(csv.as_str().to_owned(), source);
        source
    }
}

/// Whether a path leads from a folder only further into it.
fn stays_inside(path: &str) -> bool {
    let mut components = Path::new(path).components();
    !path.is_empty()
        && path.len() <= 255
        && !path.contains(['\\', ':', '\0'])
        && components.all(|part| matches!(part, Component::Normal(_)))
}

fn read_column(
    text: &str,
    mut column: Column,
    header: &Set<Text>,
    diagnostics: &mut Diagnostics,
) -> Option<Column> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let headers: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(str::to_owned).collect(),
        Err(error) => {
            diagnostics.push(column.wrong(1, format!("not a table: {error}")));
            return None;
        }
    };
    let Some(index) = headers.iter().position(|name| name == header.as_str()) else {
        diagnostics.push(no_such_column(&column, &headers, header));
        return None;
    };
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                column.cells.push(Cell { line, text: record[index].trim().to_owned() });
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                diagnostics.push(column.wrong(line, format!("not a row: {error}")));
                return None;
            }
        }
    }
    if column.cells.is_empty() {
        diagnostics.push(column.wrong(1, "no rows follow the header"));
        return None;
    }
    Some(column)
}

fn no_such_column(column: &Column, headers: &[String], header: &Set<Text>) -> Diagnostic {
    let message = format!("no column is called `{}`", header.as_str());
    let wrong = column.wrong(1, message).allowed(headers.join(", "));
    if headers.len() == 1 && headers[0].contains(';') {
        return wrong.help("separate columns with commas, not semicolons");
    }
    if headers.iter().all(|name| name.parse::<f64>().is_ok() || name.starts_with("20")) {
        return wrong.help("the first line must name the columns");
    }
    match nearest(header.as_str(), headers.iter().map(String::as_str)) {
        Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
        None => wrong,
    }
}

/// The unit of a column: the stated one, or the one that its name ends in.
pub fn unit_of(
    stated: Option<TimeUnit>,
    column: &Set<Text>,
    diagnostics: &mut Diagnostics,
) -> Option<TimeUnit> {
    let unit = stated.or_else(|| TimeUnit::of_column(column.as_str()));
    if unit.is_none() {
        let message = format!("the unit of column `{}` is not known", column.as_str());
        let wrong = Diagnostic::error(Code::BadUnit, column.place.clone(), message);
        diagnostics.push(
            wrong
                .allowed("a name that ends in _us, _ms, _s, _min or _h")
                .help("add `unit: s` or another of us, ms, s, min, h"),
        );
    }
    unit
}

/// The cells as finite numbers that are not negative, or `None` after a report of each other one.
pub fn numbers(column: &Column, diagnostics: &mut Diagnostics) -> Option<Vec<f64>> {
    /// More mistakes of one kind in one file say nothing new.
    const SHOWN: usize = 10;
    let mut values = Vec::with_capacity(column.cells.len());
    let mut n_wrong = 0;
    for cell in &column.cells {
        match cell.text.parse::<f64>() {
            Ok(value) if value.is_finite() && 0.0 <= value => values.push(value),
            _ => {
                n_wrong += 1;
                if n_wrong <= SHOWN {
                    let wrong = column.wrong(cell.line, format!("read `{}`", cell.text));
                    diagnostics.push(wrong.allowed("a finite number that is not negative"));
                }
            }
        }
    }
    (n_wrong == 0).then_some(values)
}
