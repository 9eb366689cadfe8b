//! The same bytes from a debug and from a release build.
//!
//! The tests' own binary has every assertion and overflow check in it, the release binary has
//! not, and is optimised across crates. Cargo builds it here if `make test` has not yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli;
use crate::source_tree::root;

/// The release binary, which lies beside the one under test.
fn release_binary() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--offline", "--quiet"])
        .current_dir(root())
        .status();
    assert!(built.expect("cargo").success(), "no release build");
    let tested = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let target = tested.parent().and_then(Path::parent).expect("target/debug/tideover");
    target.join("release").join(tested.file_name().expect("a file"))
}

/// What a run of the small scenario writes: file names and bytes, without PNG.
fn results(
    binary: &Path,
    folder: &Path,
    environment: &[(&str, &str)],
) -> BTreeMap<String, Vec<u8>> {
    let status = Command::new(binary)
        .args(["run", "--quiet", "--out", "out"])
        .arg(cli::small())
        .current_dir(folder)
        .envs(environment.iter().copied())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.expect("the binary").success(), "{} failed", binary.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder.join("out")).expect("the result folder") {
        let path = entry.expect("an entry of it").path();
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if !name.ends_with(".png") {
            files.insert(name, fs::read(&path).expect("a result"));
        }
    }
    files
}

#[test]
fn debug_and_release_write_the_same_bytes() {
    // Shows that neither optimisation, assertions, working folder, locale nor time zone changes a
    // byte, by comparing all files of two runs. PNG files are outside the promise.
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let tested = Path::new(env!("CARGO_BIN_EXE_tideover"));
    let debug = results(tested, folders[0].path(), &[("TZ", "UTC"), ("LC_ALL", "C")]);
    let elsewhere = [("TZ", "Asia/Kathmandu"), ("LC_ALL", "de_DE.UTF-8"), ("COLUMNS", "20")];
    let release = results(&release_binary(), folders[1].path(), &elsewhere);
    assert!(debug.contains_key("summary.json") && debug.contains_key("requests.svg"));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&debug), names(&release));
    for (name, bytes) in &debug {
        assert!(*bytes == release[name], "{name} differs between debug and release");
    }
}
