//! The one way in which a result reaches the disk: complete under its final name, or not at all.
//!
//! A buffered writer that is dropped, `csv::Writer` and plotters' SVG backend all lose data on a
//! full disk without a word. So every file is rendered to memory, written under a temporary name
//! in the target folder, flushed, synced, and only then renamed; the folder is synced after that.
//! Whatever fails says which path it was about, in words, and leaves no file behind.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {reason}", path.display())]
pub struct WriteError {
    /// The file or folder that was to be written.
    pub path: PathBuf,
    /// What is wrong, in words for users.
    pub reason: String,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl WriteError {
    fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), reason: words(&source), source }
    }
}

/// What an I/O error means and what helps.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full; free some space".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a folder".to_owned(),
        io::ErrorKind::AlreadyExists => {
            "a file of that name exists where the folder should be".to_owned()
        }
        io::ErrorKind::IsADirectory => {
            "a folder of that name exists where the file should be".to_owned()
        }
        _ => error.to_string(),
    }
}

/// An existing folder that results go to.
#[derive(Clone, Debug)]
pub struct OutputFolder {
    path: PathBuf,
}

impl OutputFolder {
    /// Creates the folder with its parents, if need be.
    ///
    /// # Errors
    /// If it cannot be created, or a file is in its place.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let fail = |source| WriteError::new(path, source);
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(fail(io::ErrorKind::AlreadyExists.into())),
            Err(_) => fs::create_dir_all(path).map_err(fail)?,
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a whole file; an existing one of that name is replaced in one step.
    ///
    /// # Errors
    /// If any byte may not have reached the disk. An older file of that name is then unchanged,
    /// unless only the folder could not be synced.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        let target = self.path.join(name);
        write_checked(&self.path, &target, content).map_err(|e| WriteError::new(&target, e))
    }

    /// Removes a file of an earlier result, if there is one.
    ///
    /// # Errors
    /// If it exists and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), WriteError> {
        let target = self.path.join(name);
        match fs::remove_file(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(WriteError::new(&target, error))
            }
            _ => Ok(()),
        }
    }
}

/// A file that grows line by line while a study runs, so that a killed one can go on: the one
/// result that is not written whole. A line that a crash cut off is for its reader to notice.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Starts a journal called `name` with what is known already.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn create(folder: &OutputFolder, name: &str, content: &[u8]) -> Result<Self, WriteError> {
        folder.write(name, content)?;
        let path = folder.path().join(name);
        let file = File::options().append(true).open(&path);
        let file = file.map_err(|error| WriteError::new(&path, error))?;
        Ok(Self { path, file })
    }

    /// Adds a line, which outlives this process from then on.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&mut self, line: &str) -> Result<(), WriteError> {
        self.file.write_all(line.as_bytes()).map_err(|error| WriteError::new(&self.path, error))
    }
}

/// Temporary name, write, flush, sync, rename, sync the folder. The temporary file is removed by
/// its guard when anything fails.
fn write_checked(folder: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    if target.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut builder = Builder::new();
    builder.prefix(".tideover-").suffix(".tmp");
    // A temporary file is private by default; results are as readable as the umask lets them be.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(without_path)?;
    write_and_sync(file.as_file_mut(), content)?;
    file.persist(target).map_err(|failure| without_path(failure.error))?;
    sync_folder(folder)
}

/// The bare error of the operating system: the path of the temporary file helps nobody.
fn without_path(error: io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::from(error.kind()), io::Error::from_raw_os_error)
}

fn write_and_sync(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.flush()?;
    file.sync_all()
}

/// Makes the new name durable. Not every file system lets a folder be opened or synced; where it
/// is not possible, the rename itself is all there is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let Ok(opened) = File::open(folder) else { return Ok(()) };
    match opened.sync_all() {
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A written file holds exactly its content, replaces an older one, and nothing else stays.
    #[test]
    fn a_file_is_replaced_whole() {
        let root = tempfile::tempdir().unwrap();
        let folder = OutputFolder::create(&root.path().join("a/b")).unwrap();
        folder.write("x.csv", b"old and longer").unwrap();
        folder.write("x.csv", b"new").unwrap();
        assert_eq!(fs::read(folder.path().join("x.csv")).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    /// A journal holds what was known at its start and every line after it, at once.
    #[test]
    fn a_journal_grows_line_by_line() {
        let root = tempfile::tempdir().unwrap();
        let folder = OutputFolder::create(root.path()).unwrap();
        let mut journal = Journal::create(&folder, "j", b"head\n").unwrap();
        let read = || fs::read_to_string(root.path().join("j")).unwrap();
        assert_eq!(read(), "head\n");
        journal.append("1\n").unwrap();
        journal.append("2\n").unwrap();
        assert_eq!(read(), "head\n1\n2\n");
    }

    /// A file in place of the folder, or in its path, and a folder in place of the file: each is
    /// refused with the path and the cause.
    #[test]
    fn a_wrong_kind_in_the_way_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, b"precious").unwrap();
        let in_place = OutputFolder::create(&file).unwrap_err().to_string();
        assert!(in_place.contains("file of that name exists"), "{in_place}");
        assert!(in_place.contains(&*file.to_string_lossy()), "{in_place}");
        let below = OutputFolder::create(&file.join("deep")).unwrap_err().to_string();
        assert!(below.contains("is a file, not a folder"), "{below}");
        let folder = OutputFolder::create(root.path()).unwrap();
        fs::create_dir(root.path().join("plot.svg")).unwrap();
        let taken = folder.write("plot.svg", b"x").unwrap_err().to_string();
        assert!(taken.contains("folder of that name exists"), "{taken}");
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }
}
