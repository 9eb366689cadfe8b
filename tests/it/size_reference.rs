//! The committed outcome of a sizing of a shipped scenario, regenerated bit for bit.
//!
//! It is a small one: few designs, and an objective that few trials decide. `TIDEOVER_BLESS=1`
//! writes the new outcome, and the change log says why it is another one.

use std::fs;

use crate::cli::{said, tideover};
use crate::source_tree::root;

/// None to four warm nodes: which is the least with which users are served again within two
/// minutes in half of the losses?
#[test]
fn the_sizing_of_region_loss_warm() {
    let home = tempfile::tempdir().unwrap();
    let mut size = tideover();
    size.arg("size").arg(root().join("scenarios/region-loss-warm.yaml"));
    size.args(["--vary", "clusters[secondary].pools[user].minCount=0..4"]);
    size.args(["--objective", "p(rto_s<=120) >= 0.5", "--confidence", "90%"]);
    size.args(["--max-trials", "200", "--json", "--quiet", "--out", "out"]);
    let done = said(size.current_dir(home.path()));
    assert_eq!((done.code, done.talk.as_str()), (Some(0), ""));
    assert_eq!(done.out, fs::read_to_string(home.path().join("out/size.json")).unwrap());
    let path = root().join("results/reference/sizes/region-loss-warm.json");
    if std::env::var_os("TIDEOVER_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, &done.out).expect("writable");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let first = kept.lines().zip(done.out.lines()).find(|(kept, found)| kept != found);
    assert_eq!(first, None, "the first line that differs (kept, found)");
    assert_eq!(kept, done.out, "bless it with `make docs` if the change is meant");
}
