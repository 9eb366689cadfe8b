//! Talk: words for people on the standard error.

use std::io::Write;

/// Writes words for people; if nobody can hear them, that is no reason to fail.
pub(super) fn say(words: &str) {
    let mut stderr = std::io::stderr().lock();
    let _unheard = stderr.write_all(words.as_bytes()).and_then(|()| stderr.flush());
}
