//! Exit codes, and the one place that turns an error into words and a code.

use std::panic;
use std::process::ExitCode;

use super::talk::say;

/// What the shell is told; 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A file or pipe could not be written, or tideover itself made a mistake.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The scenario is wrong.
    InvalidInput = 3,
    /// It cannot be told whether the objectives are met.
    Undecided = 98,
    /// An objective is missed.
    Missed = 99,
    /// The user stopped it.
    Interrupted = 130,
}

/// A command that did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// What the shell is told.
    pub exit: Exit,
    /// What is still to be said; `None` if the user knows already.
    pub error: Option<anyhow::Error>,
}

impl Failure {
    /// A failure that the user was told of.
    #[must_use]
    pub const fn told(exit: Exit) -> Self {
        Self { exit, error: None }
    }
}

impl From<anyhow::Error> for Failure {
    /// Everything that is not a mistake of the user is trouble with files or pipes.
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Internal, error: Some(error) }
    }
}

/// Runs a command and tells the shell how it went. An error is said once, with its causes; a
/// broken assertion is called what it is, a mistake of tideover.
pub fn guarded(command: impl FnOnce() -> Result<(), Failure> + panic::UnwindSafe) -> ExitCode {
    panic::set_hook(Box::new(|broken| {
        say(&format!(
            "error: tideover made a mistake: {broken}\n\
             Please report it with the scenario and the seed; they make it happen again.\n"
        ));
    }));
    match panic::catch_unwind(command) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(Failure { exit, error })) => {
            if let Some(error) = error {
                say(&format!("error: {error:#}\n"));
            }
            ExitCode::from(exit as u8)
        }
        Err(_) => ExitCode::from(Exit::Internal as u8),
    }
}
