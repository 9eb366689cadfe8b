//! The notebooks: each is there as a script and as `.ipynb`, which hold the same cells and no
//! outputs. (`make test` executes them at its end, see `notebooks/execute.sh`.)

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::source_tree::root;

/// A cell: whether it is code, and its lines.
type Cell = (bool, String);

/// The cells of a script in jupytext's percent format.
fn cells_of_script(text: &str) -> Vec<Cell> {
    let mut cells: Vec<(bool, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# %%") {
            cells.push((kind.trim() != "[markdown]", Vec::new()));
        } else if let Some((is_code, lines)) = cells.last_mut() {
            let bare = line.strip_prefix("# ").or_else(|| line.strip_prefix('#'));
            lines.push(if *is_code { line } else { bare.unwrap_or(line) });
        }
    }
    cells.into_iter().map(|(kind, lines)| (kind, lines.join("\n").trim().to_owned())).collect()
}

/// The cells of a Jupyter notebook, which must be as nobody ran it.
fn cells_of_notebook(text: &str) -> Vec<Cell> {
    let notebook: Value = serde_json::from_str(text).unwrap();
    let cells = notebook["cells"].as_array().unwrap().iter();
    cells
        .map(|cell| {
            let is_code = cell["cell_type"] == "code";
            if is_code {
                assert_eq!(cell["outputs"], Value::Array(Vec::new()), "outputs are stripped");
                assert_eq!(cell["execution_count"], Value::Null, "it was not run");
            }
            assert_eq!(cell["metadata"], Value::Object(serde_json::Map::new()));
            let lines = cell["source"].as_array().unwrap().iter();
            let source: String = lines.map(|line| line.as_str().unwrap()).collect();
            (is_code, source.trim().to_owned())
        })
        .collect()
}

/// Every script has its notebook with the same cells in the same order, and every notebook its
/// script.
#[test]
fn notebooks_are_their_scripts() {
    let folder = root().join("notebooks");
    let of_kind = |extension: &str| {
        let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let wanted = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == extension);
        let mut names: Vec<_> = paths.filter(wanted).map(|path| path.with_extension("")).collect();
        names.sort();
        names
    };
    let scripts = of_kind("py");
    assert!(!scripts.is_empty() && scripts == of_kind("ipynb"));
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    for name in scripts {
        let script = cells_of_script(&read(&name.with_extension("py")));
        let notebook = cells_of_notebook(&read(&name.with_extension("ipynb")));
        assert!(4 < script.len(), "{}: {} cells", name.display(), script.len());
        for (index, (script, notebook)) in script.iter().zip(&notebook).enumerate() {
            assert_eq!(script, notebook, "{}, cell {index}", name.display());
        }
        assert_eq!(script.len(), notebook.len(), "{}", name.display());
    }
}
