//! All vectors of a folder.

use std::io;
use std::path::{Path, PathBuf};

use super::tally::Tally;

/// Why a folder of vectors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadFolder {
    /// It, or a file of it, cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Unreadable {
        /// What cannot be read.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Nothing in it is a vector.
    #[error("no vectors in `{}`: expected *.jsonl, one JSON object a line", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// Checks every line of every `*.jsonl` in `folder`, in order of names.
///
/// # Errors
/// If the folder or a file cannot be read, or if there is no line in it.
pub fn run(folder: &Path) -> Result<Tally, BadFolder> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| BadFolder::Unreadable { path, error }
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    let mut tally = Tally::default();
    for path in &files {
        let content = std::fs::read(path).map_err(unreadable(path))?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
        tally.add_file(&name, &content);
    }
    if tally.total() == 0 {
        return Err(BadFolder::Empty { path: folder.to_owned() });
    }
    Ok(tally)
}
