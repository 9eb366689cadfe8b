//! Work on several threads, results in order: what is folded, and when it stops, depends on the
//! numbers of the pieces only, never on the number of threads.
//!
//! Pieces are handed out one by one, so that no thread waits while there is work, and at most
//! [`AHEAD`] of them beyond the last one folded, so that memory is bounded also when one piece
//! takes long.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

/// How far work may run ahead of the fold.
pub const AHEAD: u64 = 1_024;

/// Does the pieces `range` of `work` on `threads` threads and gives the results to `fold` in
/// order, on this thread, until that breaks or `is_stopped` says so.
///
/// Returns the end of what was folded. A break discards pieces that ran ahead. When `is_stopped`
/// turns true, which must then stay so, pieces that were begun are finished and folded: what was
/// folded is a prefix of the range.
///
/// # Panics
/// If a piece does, with its number.
pub fn in_order<T: Send>(
    range: Range<u64>,
    threads: NonZeroUsize,
    is_stopped: &(dyn Fn() -> bool + Sync),
    work: impl Fn(u64) -> T + Sync,
    mut fold: impl FnMut(u64, T) -> ControlFlow<()>,
) -> u64 {
    let desk = Desk::new(range.clone());
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            let sender = sender.clone();
            scope.spawn(|| worker(&desk, is_stopped, &work, sender));
        }
        drop(sender);
        // Also a fold that panics lets the workers go.
        let _closing = Closing(&desk);
        fold_all(range.start, &desk, &results, &mut fold)
    })
}

/// A finished piece; an error if it panicked.
type Piece<T> = (u64, thread::Result<T>);

fn worker<T>(
    desk: &Desk,
    is_stopped: &(dyn Fn() -> bool + Sync),
    work: &(impl Fn(u64) -> T + Sync),
    sender: Sender<Piece<T>>,
) {
    while let Some(piece) = desk.next(is_stopped) {
        let done = panic::catch_unwind(AssertUnwindSafe(|| work(piece)));
        if sender.send((piece, done)).is_err() {
            return;
        }
    }
}

fn fold_all<T>(
    start: u64,
    desk: &Desk,
    results: &Receiver<Piece<T>>,
    fold: &mut impl FnMut(u64, T) -> ControlFlow<()>,
) -> u64 {
    let mut early = BTreeMap::new();
    let mut end = start;
    for (piece, done) in results {
        let Ok(result) = done else { panic!("the mistake is in trial {piece}") };
        early.insert(piece, result);
        while let Some(result) = early.remove(&end) {
            let goes_on = fold(end, result);
            end += 1;
            if goes_on.is_break() {
                return end;
            }
        }
        desk.folded(end);
    }
    assert!(early.is_empty(), "every piece before {piece:?} is done", piece = early.keys().next());
    end
}

/// Where workers get the next piece.
#[derive(Debug)]
struct Desk {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    next: u64,
    end: u64,
    folded: u64,
}

impl Desk {
    fn new(range: Range<u64>) -> Self {
        let state = State { next: range.start, end: range.end, folded: range.start };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the desk locked")
    }

    /// The next piece; None when there is none, or no more is wanted.
    fn next(&self, is_stopped: &(dyn Fn() -> bool + Sync)) -> Option<u64> {
        if is_stopped() {
            self.close();
            return None;
        }
        let too_far =
            |state: &mut State| state.next < state.end && state.folded + AHEAD <= state.next;
        let waited = self.moved.wait_while(self.lock(), too_far);
        let mut state = waited.expect("nobody panics with the desk locked");
        let piece = (state.next < state.end).then_some(state.next)?;
        state.next += 1;
        Some(piece)
    }

    fn folded(&self, end: u64) {
        self.lock().folded = end;
        self.moved.notify_all();
    }

    /// Hands out no more.
    fn close(&self) {
        let mut state = self.lock();
        state.end = state.end.min(state.next);
        self.moved.notify_all();
    }
}

/// Closes the desk when the fold is over, however it ends.
struct Closing<'d>(&'d Desk);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn threads(n: usize) -> NonZeroUsize {
        NonZeroUsize::new(n).unwrap()
    }

    /// More pieces than may run ahead, each with work of another length, on 1 to 16 threads: all
    /// are folded, in order.
    #[test]
    fn results_come_in_order() {
        let range = 5..5 + 3 * AHEAD;
        let expected: Vec<(u64, u64)> = range.clone().map(|piece| (piece, piece * piece)).collect();
        for n_threads in [1, 2, 3, 16] {
            let mut folded = Vec::new();
            let work = |piece: u64| {
                (0..(piece % 7) * 500).for_each(|i| _ = std::hint::black_box(i));
                piece * piece
            };
            let end =
                in_order(range.clone(), threads(n_threads), &|| false, work, |piece, square| {
                    folded.push((piece, square));
                    ControlFlow::Continue(())
                });
            assert_eq!(end, range.end);
            assert_eq!(folded, expected, "{n_threads} threads");
        }
    }

    /// A fold that breaks has seen exactly the pieces up to that one, on any number of threads,
    /// and little more was done.
    #[test]
    fn a_break_comes_at_its_piece() {
        for n_threads in [1, 2, 3, 16] {
            let (begun, mut last) = (AtomicU64::new(0), None);
            let work = |piece| {
                begun.fetch_add(1, Ordering::Relaxed);
                piece
            };
            let end = in_order(0..1_000_000, threads(n_threads), &|| false, work, |piece, _| {
                last = Some(piece);
                if piece == 99 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!((end, last), (100, Some(99)), "{n_threads} threads");
            assert!(begun.into_inner() <= 100 + AHEAD);
        }
    }

    /// Stopped from outside after some pieces: what was begun is folded, a prefix without a gap.
    #[test]
    fn a_stop_leaves_a_prefix() {
        for n_threads in [1, 3] {
            let begun = AtomicU64::new(0);
            let mut folded = Vec::new();
            let is_stopped = || 50 <= begun.load(Ordering::Relaxed);
            let work = |piece| {
                begun.fetch_add(1, Ordering::Relaxed);
                piece
            };
            let end = in_order(0..1_000_000, threads(n_threads), &is_stopped, work, |_, piece| {
                folded.push(piece);
                ControlFlow::Continue(())
            });
            assert_eq!(folded, (0..end).collect::<Vec<_>>());
            assert_eq!(end, begun.into_inner());
            assert!((50..50 + 3).contains(&end), "{end}");
        }
    }

    /// A piece that panics ends all of it with its number; nothing hangs.
    #[test]
    fn a_panic_names_its_piece() {
        let broken = panic::catch_unwind(|| {
            let work = |piece: u64| assert_ne!(piece, 7, "seven");
            in_order(0..10_000, threads(2), &|| false, work, |_, ()| ControlFlow::Continue(()))
        });
        let words = broken.unwrap_err();
        assert_eq!(words.downcast_ref::<String>().unwrap(), "the mistake is in trial 7");
    }
}
