//! Answers of expensive pure functions, kept for the life of the process.
//!
//! A study loads the same scenario for each of its designs, and a test run hundreds of times; what
//! is derived of the same values is the same. Since an answer depends on its key alone, whether it
//! is found here changes no result.

use std::sync::{Mutex, PoisonError};

/// Answers kept at most; what comes later is computed each time.
const CAPACITY: usize = 256;

/// The answers of one function by what it was asked.
#[derive(Debug)]
pub struct Memo<K, V>(Mutex<Vec<(K, V)>>);

impl<K: PartialEq, V: Clone> Memo<K, V> {
    /// No answers yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The answer for `key`: a kept one, or else that of `compute`.
    pub fn answer(&self, key: K, compute: impl FnOnce() -> V) -> V {
        // Not locked while it computes: two threads may compute the same answer.
        if let Some(known) = self.kept(&key) {
            return known;
        }
        let value = compute();
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < CAPACITY {
            answers.push((key, value.clone()));
        }
        value
    }

    fn kept(&self, key: &K) -> Option<V> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().find(|(asked, _)| asked == key).map(|(_, value)| value.clone())
    }
}

impl<K: PartialEq, V: Clone> Default for Memo<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same question is computed once, another one by itself, and what does not fit any more
    /// is computed each time.
    #[test]
    fn a_question_is_computed_once() {
        let (memo, mut n_computed) = (Memo::new(), 0);
        let mut ask = |question: usize| {
            memo.answer(question, || {
                n_computed += 1;
                question * question
            })
        };
        assert_eq!([ask(3), ask(3), ask(4), ask(3)], [9, 9, 16, 9]);
        (0..CAPACITY).chain([CAPACITY, CAPACITY]).for_each(|question| {
            assert_eq!(ask(question), question * question);
        });
        assert_eq!(n_computed, CAPACITY + 2, "the last question is kept no more");
    }
}
