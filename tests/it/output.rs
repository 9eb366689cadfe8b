//! Results reach the disk whole or not at all, and every failure says what to do about it.
//!
//! Root may write anywhere, so permissions prove nothing here: a folder that refuses files is
//! taken from `/proc`, and a full or read-only disk is a small tmpfs. Where the tests may not mount
//! one, they say so and skip that case.

use std::fs;
use std::path::Path;
use std::process::Command;

use tideover::report::writer::OutputFolder;

/// Names in a folder, hidden ones included.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A tmpfs of 64 kB that is unmounted when dropped; `None` where mounting is not allowed.
pub(crate) struct SmallDisk {
    pub(crate) folder: tempfile::TempDir,
}

impl SmallDisk {
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            _ => None,
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.folder.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the small disk is unmounted");
    }
}

/// A full disk: the error names the file and the cause, nothing new appears, and the result of an
/// earlier run is still whole.
#[test]
fn a_full_disk_leaves_no_half_file() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a tmpfs is not allowed here");
        return;
    };
    let folder = OutputFolder::create(&disk.folder.path().join("run")).unwrap();
    folder.write("summary.json", b"earlier").unwrap();
    let large = vec![b'x'; 200_000];
    let error = folder.write("summary.json", &large).unwrap_err().to_string();
    assert!(error.contains("run/summary.json"), "{error}");
    assert!(error.contains("the disk is full; free some space"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(folder.write("timeline.csv", &large).is_err());
    assert_eq!(names(folder.path()), ["summary.json"], "no half file, no temporary file");
    assert_eq!(fs::read(folder.path().join("summary.json")).unwrap(), b"earlier");
}

/// A read-only file system refuses the folder itself.
#[test]
fn a_read_only_disk_is_named() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a tmpfs is not allowed here");
        return;
    };
    let existing = OutputFolder::create(&disk.folder.path().join("run")).unwrap();
    let remount =
        Command::new("mount").args(["-o", "remount,ro"]).arg(disk.folder.path()).status().unwrap();
    assert!(remount.success());
    let made = OutputFolder::create(&disk.folder.path().join("new")).unwrap_err().to_string();
    assert!(made.contains("/new") && made.contains("read-only"), "{made}");
    let written = existing.write("summary.json", b"x").unwrap_err().to_string();
    assert!(written.contains("run/summary.json") && written.contains("read-only"), "{written}");
}

/// A folder in which not even root can create files (Linux: `/proc/self`).
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_refuses_files() {
    let made = OutputFolder::create(Path::new("/proc/self/tideover-results")).unwrap_err();
    assert!(made.to_string().contains("/proc/self/tideover-results"), "{made}");
    let folder = OutputFolder::create(Path::new("/proc/self")).unwrap();
    let written = folder.write("summary.json", b"x").unwrap_err().to_string();
    assert!(written.contains("/proc/self/summary.json"), "{written}");
    assert!(!written.contains(".tideover-"), "the temporary name is nobody's business: {written}");
}

/// The device that is always full, in place of the folder: it is no folder, and stays a device.
#[cfg(target_os = "linux")]
#[test]
fn a_device_in_place_of_the_folder() {
    let error = OutputFolder::create(Path::new("/dev/full")).unwrap_err().to_string();
    assert!(error.contains("/dev/full") && error.contains("where the folder should be"), "{error}");
}

/// An existing file in place of the folder is refused and not touched.
#[test]
fn a_file_in_place_of_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("results");
    fs::write(&path, b"precious").unwrap();
    let error = OutputFolder::create(&path).unwrap_err().to_string();
    assert!(error.contains("a file of that name exists where the folder should be"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

/// A result file is as readable as the umask allows, not private like a temporary file.
#[cfg(unix)]
#[test]
fn results_can_be_shared() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let folder = OutputFolder::create(root.path()).unwrap();
    folder.write("summary.json", b"{}").unwrap();
    fs::write(root.path().join("plain"), b"").unwrap();
    let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("summary.json"), mode("plain"));
}
