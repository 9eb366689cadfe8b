//! The `tideover` command: parse, call, say once what went wrong, and the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    tideover::cli::guarded(|| match tideover::cli::parse(std::env::args_os())? {
        Some(command_line) => tideover::cli::start(&command_line),
        None => Ok(()),
    })
}
