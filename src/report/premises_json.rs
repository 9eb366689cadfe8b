//! `premises.json`: what a result rests on, in schema `tideover/premises/v1`.

use crate::experiment::premises::Premises;

/// Name of the file in a result folder.
pub const FILE_NAME: &str = "premises.json";

/// The premises as JSON, indented, with a line break at its end.
#[must_use]
pub fn render(premises: &Premises) -> String {
    let text = serde_json::to_string_pretty(premises);
    text.expect("premises have string keys only and every value can be written") + "\n"
}
