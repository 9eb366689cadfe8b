//! A line of the vectors with typed access; a missing or mistyped field fails the line.

use serde_json::{Map, Value};
use tideover::control::cluster_autoscaler::resources::Resources;
use tideover::units::{Bytes, MilliCpu, Span, Time};

/// An object of a line, or the line itself.
#[derive(Clone, Debug)]
pub(super) struct Row(Map<String, Value>);

impl Row {
    pub(super) fn parse(line: &str) -> Self {
        Self::of(&serde_json::from_str(line).expect("a line is a JSON object"))
    }

    pub(super) fn of(value: &Value) -> Self {
        Self(value.as_object().unwrap_or_else(|| panic!("{value} is not an object")).clone())
    }

    /// The value under `key`; None if it is null or absent.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn must(&self, key: &str) -> &Value {
        self.get(key).unwrap_or_else(|| panic!("field {key} is missing"))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn int(&self, key: &str) -> i64 {
        integer(self.must(key))
    }

    pub(super) fn opt_int(&self, key: &str) -> Option<i64> {
        self.get(key).map(integer)
    }

    pub(super) fn int32(&self, key: &str) -> i32 {
        i32::try_from(self.int(key)).expect("a number of 32 bits")
    }

    pub(super) fn count(&self, key: &str) -> usize {
        usize::try_from(self.int(key)).expect("a count")
    }

    pub(super) fn float(&self, key: &str) -> f64 {
        self.must(key).as_f64().unwrap_or_else(|| panic!("{key} is not a number"))
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.must(key).as_bool().unwrap_or_else(|| panic!("{key} is not a boolean"))
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.opt_text(key).unwrap_or_else(|| panic!("field {key} is missing"))
    }

    pub(super) fn opt_text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|value| value.as_str().unwrap_or_else(|| panic!("{key} is not a text")))
    }

    pub(super) fn text_or<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.opt_text(key).unwrap_or(default)
    }

    pub(super) fn row(&self, key: &str) -> Self {
        Self::of(self.must(key))
    }

    pub(super) fn opt_row(&self, key: &str) -> Option<Self> {
        self.get(key).map(Self::of)
    }

    pub(super) fn list(&self, key: &str) -> &[Value] {
        self.must(key).as_array().unwrap_or_else(|| panic!("{key} is not a list"))
    }

    pub(super) fn rows(&self, key: &str) -> Vec<Self> {
        self.list(key).iter().map(Self::of).collect()
    }

    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).iter().map(|value| value.as_str().expect("a text")).collect()
    }

    pub(super) fn ints(&self, key: &str) -> Vec<i64> {
        self.list(key).iter().map(integer).collect()
    }

    pub(super) fn floats(&self, key: &str) -> Vec<f64> {
        self.list(key).iter().map(|value| value.as_f64().expect("a number")).collect()
    }

    pub(super) fn spans(&self, key: &str) -> Vec<Span> {
        self.floats(key).into_iter().map(Span::from_secs_f64).collect()
    }

    /// Seconds relative to the moment of evaluation, as an instant.
    pub(super) fn time(&self, key: &str) -> Time {
        Time::from_secs_f64(self.float(key))
    }

    pub(super) fn opt_time(&self, key: &str) -> Option<Time> {
        self.get(key).map(|_| self.time(key))
    }

    pub(super) fn span(&self, key: &str) -> Span {
        Span::from_secs_f64(self.float(key))
    }

    /// `cpu_milli` and `memory_bytes` of this object.
    pub(super) fn resources(&self, pods: u32) -> Resources {
        Resources {
            cpu: MilliCpu::new(self.int("cpu_milli")),
            memory: Bytes::new(self.int("memory_bytes")),
            pods,
        }
    }
}

fn integer(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not a whole number"))
}
