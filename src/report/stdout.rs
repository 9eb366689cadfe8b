//! Data on standard output: never a panic, and a reader that has gone is no error.

use std::io::{self, Write};

/// Writes text to standard output and flushes it.
///
/// A closed pipe (`tideover run | head -1`) is success: the reader has what it wanted.
///
/// # Errors
/// If the text could not be written for another reason, such as a full disk behind `>`.
pub fn print(text: &str) -> io::Result<()> {
    print_to(&mut io::stdout().lock(), text)
}

fn print_to(out: &mut impl Write, text: &str) -> io::Result<()> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe whose reader has gone, and a device that is always full.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    /// A closed pipe ends quietly; any other failure is told.
    #[test]
    fn a_closed_pipe_is_no_error() {
        assert!(print_to(&mut Broken(io::ErrorKind::BrokenPipe), "x").is_ok());
        let full = print_to(&mut Broken(io::ErrorKind::StorageFull), "x");
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
