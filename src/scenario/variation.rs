//! A value of a scenario that is varied: `path=a..b`, `path=a..b:n` or `path=v1,v2,...`.

/// A value of a scenario that is varied.
#[derive(Clone, Debug, PartialEq)]
pub struct Variation {
    /// Where it stands, as for `--set`.
    pub path: String,
    /// What it may be.
    pub domain: Domain,
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// One of these, as they are written.
    Levels(Vec<String>),
    /// A number of a range.
    Range(Range),
}

/// Numbers between two ends, all with the same unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Least number.
    pub low: f64,
    /// Largest number.
    pub high: f64,
    /// Whether only whole numbers are meant: both ends are written so.
    pub is_whole: bool,
    /// What follows each number, such as `s`, `%` or nothing.
    pub unit: String,
    /// How many equally spaced numbers are meant, if that is said.
    pub n_points: Option<u32>,
}

/// Points of a range, if nothing is said.
const USUAL_POINTS: u32 = 5;

/// Points of a range or values of a list at most.
const MOST_POINTS: u32 = 1_000;

const FORM: &str = "write the path of a value and a range or a list, e.g. \
                    clusters[secondary].pools[user].minCount=0..40, \
                    frontDoor.probe.interval=5s..30s:6 or workloads[web].queue=50,100,200";

impl Variation {
    /// Reads `path=a..b`, `path=a..b:n` or `path=v1,v2,...`.
    ///
    /// # Errors
    /// Says what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, values) =
            text.split_once('=').filter(|(path, _)| !path.is_empty()).ok_or(FORM)?;
        let levels = split(values);
        let domain = match &levels[..] {
            [only] if only.contains("..") => Domain::Range(Range::parse(only)?),
            _ if levels.iter().any(String::is_empty) => return Err(FORM.to_owned()),
            _ if (MOST_POINTS as usize) < levels.len() => return Err(too_many(levels.len())),
            _ => Domain::Levels(levels),
        };
        Ok(Self { path: path.to_owned(), domain })
    }

    /// Its values on a grid.
    #[must_use]
    pub fn levels(&self) -> Vec<String> {
        match &self.domain {
            Domain::Levels(levels) => levels.clone(),
            Domain::Range(range) => range.levels(),
        }
    }

    /// The value that belongs to a number in (0, 1): each level, whole number or part of the range
    /// is equally likely if the number is uniform.
    #[must_use]
    pub fn at(&self, uniform: f64) -> String {
        match &self.domain {
            Domain::Range(range) if range.n_points.is_none() => range.at(uniform),
            _ => {
                let levels = self.levels();
                levels[((uniform * levels.len() as f64) as usize).min(levels.len() - 1)].clone()
            }
        }
    }

    /// What gives it this value, for `--set`.
    #[must_use]
    pub fn assignment(&self, value: &str) -> String {
        format!("{}={value}", self.path)
    }

    /// Its name as a column of numbers, with the unit that all values have, and that unit.
    #[must_use]
    pub fn column(&self) -> (String, &str) {
        match &self.domain {
            Domain::Range(Range { unit, .. }) if !unit.is_empty() => {
                let words = unit.replace('%', "percent").replace('/', "per_");
                (format!("{}_{words}", self.path), unit)
            }
            _ => (self.path.clone(), ""),
        }
    }
}

impl Range {
    fn parse(text: &str) -> Result<Self, String> {
        let (low, rest) = text.split_once("..").ok_or(FORM)?;
        let (high, n_points) = match rest.split_once(':') {
            None => (rest, None),
            Some((high, n)) => (high, Some(n.parse::<u32>().map_err(|_| FORM.to_owned())?)),
        };
        let ((low, unit), (high, other_unit)) = (number(low)?, number(high)?);
        if unit != other_unit {
            return Err(format!("read `{text}`: write both ends with the same unit"));
        }
        let ends = [low, high].map(|end| end.parse::<f64>().ok().filter(|end| end.is_finite()));
        let [Some(least), Some(most)] = ends else { return Err(FORM.to_owned()) };
        if most < least {
            return Err(format!("read `{text}`: write the smaller end first"));
        }
        if let Some(n) = n_points.filter(|n| !(1..=MOST_POINTS).contains(n)) {
            return Err(too_many(n as usize));
        }
        let is_whole = ![low, high].iter().any(|end| end.contains('.'));
        Ok(Self { low: least, high: most, is_whole, unit: unit.to_owned(), n_points })
    }

    fn levels(&self) -> Vec<String> {
        let span = self.high - self.low;
        let n_points =
            self.n_points.unwrap_or(if self.is_whole && span < f64::from(USUAL_POINTS) {
                span as u32 + 1
            } else {
                USUAL_POINTS
            });
        let last = f64::from((n_points - 1).max(1));
        let number = |index| self.low + span * f64::from(index) / last;
        let mut levels: Vec<String> =
            (0..n_points).map(|index| self.written(number(index))).collect();
        levels.dedup();
        levels
    }

    fn at(&self, uniform: f64) -> String {
        let span = self.high - self.low;
        let number = if self.is_whole {
            (self.low + (uniform * (span + 1.0)).floor()).min(self.high)
        } else {
            self.low + uniform * span
        };
        self.written(number)
    }

    /// A number with the unit; to the millionth if it is not whole.
    fn written(&self, number: f64) -> String {
        if self.is_whole {
            return format!("{}{}", number.round(), self.unit);
        }
        let text = format!("{number:.6}");
        format!("{}{}", text.trim_end_matches('0').trim_end_matches('.'), self.unit)
    }
}

/// A number and its unit.
fn number(text: &str) -> Result<(&str, &str), String> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() || unit.contains(|c: char| c.is_ascii_digit()) {
        return Err(FORM.to_owned());
    }
    Ok((number, unit))
}

fn too_many(n: usize) -> String {
    format!("read {n} values; allowed: 1 to {MOST_POINTS}")
}

/// The parts between commas that stand in no bracket.
fn split(text: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("there is a part").push(c);
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(text: &str) -> Vec<String> {
        Variation::parse(text).unwrap().levels()
    }

    /// What can be typed, and the values of its grid.
    #[test]
    fn variations_are_read() {
        for (text, values) in [
            ("a=0..40", "0 10 20 30 40"),
            ("a=0..3", "0 1 2 3"),
            ("a=0..5:3", "0 3 5"),
            ("a=2..4:9", "2 3 4"),
            ("a=7..7", "7"),
            ("a=-1..1", "-1 0 1"),
            ("a=30s..120s:4", "30s 60s 90s 120s"),
            ("a=0.5..1.0:3", "0.5 0.75 1"),
            ("a=10%..20%:3", "10% 15% 20%"),
            ("a=100/s..300/s:2", "100/s 300/s"),
            ("a=x", "x"),
            ("a=1, 5,30", "1 5 30"),
        ] {
            assert_eq!(levels(text).join(" "), values, "{text}");
        }
        let laws = levels("faults[0].delay={constant: 1s},{uniform: {min: 1s, max: 2s}}");
        assert_eq!(laws, ["{constant: 1s}", "{uniform: {min: 1s, max: 2s}}"]);
    }

    /// Everything else is refused with what to write.
    #[test]
    fn mistakes_are_named() {
        for (text, says) in [
            ("", "write the path"),
            ("a", "write the path"),
            ("=1..2", "write the path"),
            ("a=", "write the path"),
            ("a=1,,2", "write the path"),
            ("a=1..", "write the path"),
            ("a=1..2:x", "write the path"),
            ("a=x..y", "write the path"),
            ("a=1h30m..2h", "write the path"),
            ("a=1s..2m", "the same unit"),
            ("a=2..1", "the smaller end first"),
            ("a=1..2:0", "read 0 values; allowed: 1 to 1000"),
        ] {
            let said = Variation::parse(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    /// Uniform numbers give each value its share: both ends, and where one value becomes the next.
    #[test]
    fn numbers_become_values() {
        for (text, uniform, value) in [
            ("a=1..4", 1e-9, "1"),
            ("a=1..4", 0.249, "1"),
            ("a=1..4", 0.25, "2"),
            ("a=1..4", 1.0 - 1e-9, "4"),
            ("a=1.0..4.0", 0.5, "2.5"),
            ("a=1s..4s:2", 0.499, "1s"),
            ("a=1s..4s:2", 0.5, "4s"),
            ("a=x,y,z", 0.67, "z"),
        ] {
            assert_eq!(Variation::parse(text).unwrap().at(uniform), value, "{text} {uniform}");
        }
    }

    /// Columns of numbers end in the unit that was taken from the cells.
    #[test]
    fn columns_end_in_their_unit() {
        for (text, name, unit) in [
            ("a.b=1s..2s", "a.b_s", "s"),
            ("a=1%..2%", "a_percent", "%"),
            ("a=1/s..2/s", "a_per_s", "/s"),
            ("a=1..2", "a", ""),
            ("a=1s,2s", "a", ""),
        ] {
            assert_eq!(Variation::parse(text).unwrap().column(), (name.to_owned(), unit));
        }
    }
}
