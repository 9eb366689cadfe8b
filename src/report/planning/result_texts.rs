//! The files of a result folder that a report is made from.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::report::document::Document;
use crate::report::{manifest_json, markdown, size_folder, study_folder};

use super::{run, size, study};

/// Name of the report in a result folder.
pub const REPORT: &str = "report.md";

/// A report of a folder that is as it was written.
const SURE: &str = "files that were rendered by this version can be read by it";

/// The files of a result folder by name, and the plots in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultTexts {
    texts: BTreeMap<String, String>,
    plots: Vec<String>,
}

/// The part of every manifest that says what it is.
#[derive(Debug, Deserialize)]
struct Kind {
    schema: String,
}

impl ResultTexts {
    /// Files that are about to be written.
    #[must_use]
    pub fn new<'t>(texts: impl IntoIterator<Item = (&'t str, &'t str)>, plots: &[&str]) -> Self {
        let own = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        Self {
            texts: texts.into_iter().map(own).collect(),
            plots: plots.iter().map(|plot| (*plot).to_owned()).collect(),
        }
    }

    /// The files of a finished result folder.
    ///
    /// # Errors
    /// Says what is there instead of a result folder, and what to type.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let no_folder = |what: &str, help: &str| format!("{shown} {what}\n  = help: {help}");
        let entries = fs::read_dir(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => no_folder(
                "does not exist",
                &format!("`tideover run SCENARIO --out {shown}` makes a result folder"),
            ),
            ErrorKind::NotADirectory => no_folder(
                "is a file and no result folder",
                "name the folder that it lies in, or for a scenario type `tideover run` first",
            ),
            _ => format!("cannot read {shown}: {error}"),
        })?;
        let mut found = Self::default();
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot read {shown}: {error}"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".svg") {
                found.plots.push(name.trim_end_matches(".svg").to_owned());
            } else if FILES.contains(&name.as_str()) {
                let text = fs::read_to_string(entry.path());
                let text = text.map_err(|error| format!("cannot read {shown}/{name}: {error}"))?;
                found.texts.insert(name, text);
            }
        }
        if found.texts.contains_key(manifest_json::FILE_NAME) {
            return Ok(found);
        }
        Err(no_folder(
            "has no manifest.json: it is no result folder, or one that was not finished",
            &format!(
                "`tideover run SCENARIO --out {shown}` writes it whole, `mc --resume` goes on"
            ),
        ))
    }

    /// What the folder says.
    ///
    /// # Errors
    /// If a file is missing, or is none of this version.
    pub fn document(&self) -> Result<Document, String> {
        let Kind { schema } = self.json(manifest_json::FILE_NAME)?;
        match schema.as_str() {
            manifest_json::SCHEMA => run::document(self),
            study_folder::SCHEMA => study::document(self),
            size_folder::SCHEMA => size::document(self),
            _ => Err(format!(
                "manifest.json is of schema `{schema}`, allowed: {}, {}, {}\n  \
                 = help: make the result again with this version, or the report with the version \
                 that wrote it",
                manifest_json::SCHEMA,
                study_folder::SCHEMA,
                size_folder::SCHEMA
            )),
        }
    }

    /// The report of files that this version has just rendered, as Markdown.
    ///
    /// # Panics
    /// If they are none.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::render(&self.document().expect(SURE))
    }

    /// The text of a file.
    ///
    /// # Errors
    /// If it is not there.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        let text = self.texts.get(name).map(String::as_str);
        text.ok_or_else(|| {
            format!("{name} is missing in the folder\n  = help: make the result again")
        })
    }

    /// The data of a JSON file.
    ///
    /// # Errors
    /// If it is not there, or holds something else.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        serde_json::from_str(self.text(name)?).map_err(|error| unreadable(name, &error))
    }

    /// The rows of a CSV file.
    ///
    /// # Errors
    /// If it is not there, or holds something else.
    pub fn rows<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, String> {
        let mut reader = csv::Reader::from_reader(self.text(name)?.as_bytes());
        reader.deserialize().collect::<Result<_, _>>().map_err(|error| unreadable(name, &error))
    }

    /// Whether the folder has that plot.
    #[must_use]
    pub fn has_plot(&self, name: &str) -> bool {
        self.plots.iter().any(|plot| plot == name)
    }
}

/// The files that reports are made from.
const FILES: [&str; 5] = [
    size_folder::SIZE,
    manifest_json::FILE_NAME,
    crate::report::summary_json::FILE_NAME,
    crate::report::premises_json::FILE_NAME,
    crate::report::capacity_plan_csv::FILE_NAME,
];

fn unreadable(name: &str, error: &dyn std::error::Error) -> String {
    format!(
        "{name} is not as this version writes it: {error}\n  = help: make the result again, or \
         the report with the version that wrote it"
    )
}
