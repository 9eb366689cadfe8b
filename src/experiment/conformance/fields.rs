//! Typed access to the fields of a line; what is wrong names the field and what was expected.

use serde_json::{Map, Value};

use crate::control::cluster_autoscaler::resources::Resources;
use crate::units::{Bytes, MilliCpu, Span, Time};

/// A value that was read, or what is wrong with its field.
pub(super) type Read<T> = Result<T, String>;

/// Most steps that a line may ask to take one by one (pods to place, nodes to add).
const MOST_STEPS: i64 = 10_000_000;
/// Instants lie within a century of the evaluation.
const FARTHEST_S: f64 = 3.2e9;

/// A line, or an object inside one.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// Where the object stands in its line, e.g. `pods[2]`; empty for the line itself.
    path: String,
}

impl<'a> Fields<'a> {
    /// The fields of a whole line.
    pub(super) fn of_line(line: &'a Value) -> Read<Self> {
        Self::of(line, String::new())
    }

    fn of(value: &'a Value, path: String) -> Read<Self> {
        match value {
            Value::Object(map) => Ok(Self { map, path }),
            other => Err(mistake(&path, "an object", other)),
        }
    }

    fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value under `key`; None if it is null or absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Whether `key` holds something.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        let map = self.map;
        map.keys().map(String::as_str)
    }

    /// Reads `key` with `read`, which gets its value and its path; None if null or absent.
    fn optional<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Value, String) -> Read<T>,
    ) -> Read<Option<T>> {
        self.get(key).map(|value| read(value, self.path(key))).transpose()
    }

    fn required<T>(&self, key: &str, read: impl FnOnce(&'a Value, String) -> Read<T>) -> Read<T> {
        self.optional(key, read)?.ok_or_else(|| self.missing(key))
    }

    /// That `key` has to be there.
    pub(super) fn missing(&self, key: &str) -> String {
        format!("`{}` is missing", self.path(key))
    }

    /// That `key` holds a word that is none of its own.
    pub(super) fn unknown(&self, key: &str, allowed: &str) -> String {
        match self.get(key) {
            Some(found) => mistake(&self.path(key), allowed, found),
            None => self.missing(key),
        }
    }

    pub(super) fn int(&self, key: &str) -> Read<i64> {
        self.required(key, integer)
    }

    pub(super) fn opt_int(&self, key: &str) -> Read<Option<i64>> {
        self.optional(key, integer)
    }

    /// A whole number that is not negative, as an integer.
    pub(super) fn natural(&self, key: &str) -> Read<i64> {
        self.bounded(key, 0, i64::MAX)
    }

    pub(super) fn opt_natural(&self, key: &str) -> Read<Option<i64>> {
        self.get(key).map(|_| self.natural(key)).transpose()
    }

    pub(super) fn int32(&self, key: &str) -> Read<i32> {
        let value = self.bounded(key, i64::from(i32::MIN), i64::from(i32::MAX))?;
        Ok(value as i32)
    }

    /// Replicas: a number of 32 bits that is not negative.
    pub(super) fn replicas(&self, key: &str) -> Read<i32> {
        Ok(self.bounded(key, 0, i64::from(i32::MAX))? as i32)
    }

    pub(super) fn count32(&self, key: &str) -> Read<u32> {
        Ok(self.bounded(key, 0, i64::from(u32::MAX))? as u32)
    }

    pub(super) fn count(&self, key: &str) -> Read<usize> {
        Ok(self.natural(key)? as usize)
    }

    /// A count that may be left out for 0.
    pub(super) fn count_or_zero(&self, key: &str) -> Read<usize> {
        if self.has(key) { self.count(key) } else { Ok(0) }
    }

    /// A count of things that are dealt with one by one.
    pub(super) fn steps(&self, key: &str) -> Read<usize> {
        Ok(self.bounded(key, 0, MOST_STEPS)? as usize)
    }

    fn bounded(&self, key: &str, least: i64, most: i64) -> Read<i64> {
        let value = self.int(key)?;
        if least <= value && value <= most {
            return Ok(value);
        }
        Err(format!("`{}` is {value}, expected {least} to {most}", self.path(key)))
    }

    pub(super) fn float(&self, key: &str) -> Read<f64> {
        self.required(key, number)
    }

    pub(super) fn flag(&self, key: &str) -> Read<bool> {
        self.required(key, |value, path| {
            value.as_bool().ok_or_else(|| mistake(&path, "true or false", value))
        })
    }

    /// A flag that may be left out for false.
    pub(super) fn is_set(&self, key: &str) -> Read<bool> {
        if self.has(key) { self.flag(key) } else { Ok(false) }
    }

    pub(super) fn text(&self, key: &str) -> Read<&'a str> {
        self.required(key, text)
    }

    pub(super) fn opt_text(&self, key: &str) -> Read<Option<&'a str>> {
        self.optional(key, text)
    }

    pub(super) fn text_or(&self, key: &str, default: &'a str) -> Read<&'a str> {
        Ok(self.opt_text(key)?.unwrap_or(default))
    }

    pub(super) fn object(&self, key: &str) -> Read<Self> {
        self.required(key, Self::of)
    }

    pub(super) fn opt_object(&self, key: &str) -> Read<Option<Self>> {
        self.optional(key, Self::of)
    }

    /// The items of a list, each read with `read`, which gets the item and its path.
    fn items<T>(&self, key: &str, read: impl Fn(&'a Value, String) -> Read<T>) -> Read<Vec<T>> {
        let list = self.required(key, |value, path| {
            value.as_array().ok_or_else(|| mistake(&path, "a list", value))
        })?;
        let item = |(index, item)| read(item, format!("{}[{index}]", self.path(key)));
        list.iter().enumerate().map(item).collect()
    }

    pub(super) fn objects(&self, key: &str) -> Read<Vec<Self>> {
        self.items(key, Self::of)
    }

    /// As [`Self::objects`], and no objects if the list is null or absent.
    pub(super) fn objects_or_none(&self, key: &str) -> Read<Vec<Self>> {
        if self.has(key) { self.objects(key) } else { Ok(Vec::new()) }
    }

    pub(super) fn texts(&self, key: &str) -> Read<Vec<&'a str>> {
        self.items(key, text)
    }

    /// Texts of which null is the empty one.
    pub(super) fn texts_or_empty(&self, key: &str) -> Read<Vec<&'a str>> {
        self.items(key, |value, path| if value.is_null() { Ok("") } else { text(value, path) })
    }

    pub(super) fn ints(&self, key: &str) -> Read<Vec<i64>> {
        self.items(key, integer)
    }

    pub(super) fn floats(&self, key: &str) -> Read<Vec<f64>> {
        self.items(key, number)
    }

    /// Numbers of which null is none.
    pub(super) fn opt_floats(&self, key: &str) -> Read<Vec<Option<f64>>> {
        self.items(
            key,
            |value, path| {
                if value.is_null() { Ok(None) } else { number(value, path).map(Some) }
            },
        )
    }

    pub(super) fn spans(&self, key: &str) -> Read<Vec<Span>> {
        self.items(key, |value, path| seconds(value, path).map(Span::from_secs_f64))
    }

    pub(super) fn times(&self, key: &str) -> Read<Vec<Time>> {
        self.items(key, |value, path| seconds(value, path).map(Time::from_secs_f64))
    }

    /// Seconds relative to the moment of evaluation, as an instant.
    pub(super) fn time(&self, key: &str) -> Read<Time> {
        Ok(Time::from_secs_f64(self.required(key, seconds)?))
    }

    pub(super) fn opt_time(&self, key: &str) -> Read<Option<Time>> {
        self.get(key).map(|_| self.time(key)).transpose()
    }

    pub(super) fn span(&self, key: &str) -> Read<Span> {
        Ok(Span::from_secs_f64(self.required(key, seconds)?))
    }

    pub(super) fn opt_span(&self, key: &str) -> Read<Option<Span>> {
        self.get(key).map(|_| self.span(key)).transpose()
    }

    /// `cpu_milli` and `memory_bytes` of this object.
    pub(super) fn resources(&self, pods: u32) -> Read<Resources> {
        Ok(Resources {
            cpu: MilliCpu::new(self.natural("cpu_milli")?),
            memory: Bytes::new(self.natural("memory_bytes")?),
            pods,
        })
    }
}

/// What was found where something else was expected.
fn mistake(path: &str, expected: &str, found: &Value) -> String {
    /// Longer values are cut.
    const SHOWN: usize = 60;
    let text = found.to_string();
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown += "...";
    }
    let place = if path.is_empty() { "the line".to_owned() } else { format!("`{path}`") };
    format!("{place} is {shown}, expected {expected}")
}

/// A whole number of 64 bits; `30.0` is one, too.
fn integer(value: &Value, path: String) -> Read<i64> {
    /// Above this not every whole number has its own double.
    const EXACT: f64 = 9e15;
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    let from_float = || value.as_f64().filter(whole).map(|number| number as i64);
    value
        .as_i64()
        .or_else(from_float)
        .ok_or_else(|| mistake(&path, "a whole number of 64 bits", value))
}

fn number(value: &Value, path: String) -> Read<f64> {
    value.as_f64().ok_or_else(|| mistake(&path, "a number", value))
}

fn seconds(value: &Value, path: String) -> Read<f64> {
    let within = value.as_f64().filter(|secs| secs.abs() <= FARTHEST_S);
    within.ok_or_else(|| mistake(&path, "seconds, at most a century", value))
}

fn text(value: &Value, path: String) -> Read<&str> {
    value.as_str().ok_or_else(|| mistake(&path, "a text", value))
}
