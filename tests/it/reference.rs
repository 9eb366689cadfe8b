//! The committed outcomes of the shipped scenarios, regenerated bit for bit.
//!
//! Each outcome carries the fingerprint of its run. A difference means that the same scenario now
//! leads to another run: `TIDEOVER_BLESS=1` writes the new outcome, and the change log says why.

use std::fs;
use std::path::PathBuf;

use tideover::experiment::run::run_once;
use tideover::report::summary_json;
use tideover::scenario::load;

use crate::source_tree::root;

fn reference(name: &str) -> PathBuf {
    root().join("results/reference").join(format!("{name}.json"))
}

fn check(name: &str) {
    let path = root().join("scenarios").join(format!("{name}.yaml"));
    let scenario = load(&path, &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
    let trial = run_once(&scenario, None, 0, |_| {});
    let found = summary_json::render(&trial.outcome);
    if std::env::var_os("TIDEOVER_BLESS").is_some() {
        fs::create_dir_all(reference(name).parent().expect("a folder")).expect("writable");
        fs::write(reference(name), &found).expect("writable");
    }
    let kept = fs::read_to_string(reference(name)).unwrap_or_default();
    let first = kept.lines().zip(found.lines()).find(|(kept, found)| kept != found);
    assert_eq!(first, None, "{name}: the first line that differs (kept, found)");
    assert_eq!(kept, found, "{name}: bless it with `make docs` if the change is meant");
}

/// One test for each shipped scenario, so that they run side by side.
macro_rules! shipped {
    ($($test:ident => $name:literal;)+) => {
        const SHIPPED: &[&str] = &[$($name),+];

        $(
            /// The outcome of this shipped scenario is the committed one.
            #[test]
            fn $test() {
                check($name);
            }
        )+
    };
}

shipped! {
    region_loss_diurnal => "region-loss-diurnal";
    region_loss_warm => "region-loss-warm";
    region_loss_cold => "region-loss-cold";
    zone_loss => "zone-loss";
    pod_crash => "pod-crash";
    call_graph => "call-graph";
    year_of_failures => "year-of-failures";
    aks_baseline_multi_region => "aks-baseline-multi-region";
}

/// Every shipped scenario has a committed outcome, and every outcome a scenario.
#[test]
fn every_shipped_scenario_has_its_reference() {
    let names_in = |folder: &str, extension: &str| {
        let entries = fs::read_dir(root().join(folder)).expect("a folder of the repository");
        let paths = entries.map(|entry| entry.expect("readable").path());
        let of_kind = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
        let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut names: Vec<String> = of_kind.filter_map(stem).collect();
        names.sort();
        names
    };
    let mut shipped: Vec<&str> = SHIPPED.to_vec();
    shipped.sort_unstable();
    assert_eq!(names_in("scenarios", "yaml"), shipped);
    assert_eq!(names_in("results/reference", "json"), shipped);
}
