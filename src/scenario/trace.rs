//! A measured series of counts as a rate over time.
//!
//! Each row counts what happened in the interval that starts at its instant. Instants are
//! checked, never mended silently: order, spacing, gaps, time zones, and the hour that occurs
//! twice when clocks go back.

use crate::sim::rates::RateCurve;
use crate::spec::{Code, Diagnostic, Diagnostics, Severity};
use crate::traffic::demand::{AfterEnd, Gaps, Interpolation, TraceSpec};

use super::table::{Column, Tables, numbers};

/// The stretch of simulated time that a curve must cover \[s\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Start of the warm-up; not positive.
    pub start_s: f64,
    /// The horizon.
    pub end_s: f64,
}

impl Window {
    /// The stretch of the same length that begins `by_s` later.
    #[must_use]
    pub(super) fn moved(self, by_s: f64) -> Self {
        Self { start_s: self.start_s + by_s, end_s: self.end_s + by_s }
    }
}

/// An instant of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp {
    /// Seconds on the trace's own clock.
    at_s: f64,
    /// Minutes ahead of UTC, if stated.
    zone_min: Option<i64>,
    /// Whether it is a date, so that clocks may change.
    is_date: bool,
}

/// Checked rows: one rate for each interval, gaps filled.
#[derive(Clone, Debug)]
struct Rates {
    first_s: f64,
    step_s: f64,
    rates: Vec<f64>,
}

/// The rate over `window` that the trace gives, or `None` after a report.
pub fn curve(
    spec: &TraceSpec,
    window: Window,
    tables: &mut Tables,
    diagnostics: &mut Diagnostics,
) -> Option<RateCurve> {
    shifted(spec, window, 0.0, tables, diagnostics)
}

/// The same of users whose day is `later_s` later: the trace as it was so much earlier, which may
/// lie before its first interval or after its last. Its scale is that of users who are not shifted.
pub fn shifted(
    spec: &TraceSpec,
    window: Window,
    later_s: f64,
    tables: &mut Tables,
    diagnostics: &mut Diagnostics,
) -> Option<RateCurve> {
    let times = tables.column(&spec.csv, &spec.time, diagnostics);
    let counts = tables.column(&spec.csv, &spec.count, diagnostics);
    let (times, counts) = (times?, counts?);
    let instants = instants(&times, diagnostics);
    let values = whole_numbers(&counts, diagnostics);
    let (instants, values) = (instants?, values?);
    let rates = rates(spec, &times, &instants, &values, diagnostics)?;
    let from_s = from(spec, &rates, diagnostics)?;
    let read = window.moved(-later_s);
    warn_of_doubled_hour(&counts, &instants, &values, from_s, read, diagnostics);
    let n_intervals = (window.end_s - window.start_s) / rates.step_s;
    if MAX_INTERVALS < n_intervals {
        let message = format!("the run covers {n_intervals:.0} intervals of the trace");
        let wrong = Diagnostic::error(Code::TooCostly, spec.step.place.clone(), message);
        diagnostics.push(wrong.allowed(format!("at most {MAX_INTERVALS:.0}")));
        return None;
    }
    let plain = |window| match *spec.interpolation {
        Interpolation::Step => stepped(&rates, *spec.after_end, from_s, window),
        Interpolation::Linear => lines(&rates, *spec.after_end, from_s, window),
    };
    let factor = factor(spec, &plain(window), window, diagnostics)?;
    Some(plain(read).scaled(factor).moved(later_s))
}

/// More intervals than this in one run make it slow to no purpose.
const MAX_INTERVALS: f64 = 1e6;

fn factor(
    spec: &TraceSpec,
    plain: &RateCurve,
    window: Window,
    diagnostics: &mut Diagnostics,
) -> Option<f64> {
    match (*spec.peak, *spec.factor) {
        (Some(peak), _) => {
            let counted = peak_after_start(plain, window);
            if counted <= 0.0 {
                let message = "the trace is zero throughout the run: no factor makes a peak of it";
                let place = spec.peak.place.clone();
                diagnostics.push(Diagnostic::error(Code::BadTable, place, message));
                return None;
            }
            Some(peak.per_s() / counted)
        }
        (None, factor) => Some(factor.unwrap_or(1.0)),
    }
}

/// The highest rate from t = 0 on.
fn peak_after_start(curve: &RateCurve, window: Window) -> f64 {
    let segments: Vec<_> = curve.segments().collect();
    let mut peak = curve.rate_at(0.0);
    for (index, segment) in segments.iter().enumerate() {
        let end_s = segments.get(index + 1).map_or(window.end_s, |next| next.start_s);
        if 0.0 <= segment.start_s {
            peak = peak.max(segment.rate_start);
        }
        if 0.0 < end_s {
            peak = peak.max(segment.rate_end);
        }
    }
    peak
}

fn instants(column: &Column, diagnostics: &mut Diagnostics) -> Option<Vec<Stamp>> {
    let mut instants = Vec::with_capacity(column.cells.len());
    for cell in &column.cells {
        let Some(instant) = instant(&cell.text) else {
            let wrong = column.wrong(cell.line, format!("read `{}`", cell.text));
            diagnostics.push(wrong.allowed("an instant: 2014-07-01 00:30, or seconds"));
            return None;
        };
        if let Some(first) = instants.first()
            && zone_of(first) != zone_of(&instant)
        {
            let message = format!("`{}` has another time zone than the rows before", cell.text);
            diagnostics.push(column.wrong(cell.line, message).allowed("one time zone"));
            return None;
        }
        instants.push(instant);
    }
    Some(instants)
}

const fn zone_of(instant: &Stamp) -> (bool, Option<i64>) {
    (instant.is_date, instant.zone_min)
}

fn whole_numbers(column: &Column, diagnostics: &mut Diagnostics) -> Option<Vec<f64>> {
    let values = numbers(column, diagnostics)?;
    for (cell, value) in column.cells.iter().zip(&values) {
        if value.fract() != 0.0 {
            let wrong = column.wrong(cell.line, format!("read `{}`", cell.text));
            diagnostics.push(wrong.allowed("a count: a whole number"));
            return None;
        }
    }
    Some(values)
}

/// Checks order and spacing, fills gaps as the scenario says.
fn rates(
    spec: &TraceSpec,
    times: &Column,
    instants: &[Stamp],
    values: &[f64],
    diagnostics: &mut Diagnostics,
) -> Option<Rates> {
    let step_s = spec.step.as_secs_f64();
    if instants.len() < 2 {
        let line = times.cells[0].line;
        diagnostics.push(times.wrong(line, "only one row").allowed("at least two"));
        return None;
    }
    let mut rates = vec![values[0] / step_s];
    for (index, pair) in instants.windows(2).enumerate() {
        let cell = &times.cells[index + 1];
        let gap_s = pair[1].at_s - pair[0].at_s;
        let steps = (gap_s / step_s).round();
        if let Some(message) = spacing_mistake(gap_s, steps, step_s) {
            let wrong = times.wrong(cell.line, format!("`{}` {message}", cell.text));
            let allowed = format!("instants in rising order, {} apart", *spec.step);
            diagnostics.push(wrong.allowed(allowed));
            return None;
        }
        if 1.0 < steps {
            let missing = steps as usize - 1;
            let fill = match *spec.gaps {
                Gaps::Error => {
                    let message = format!("{missing} intervals are missing before `{}`", cell.text);
                    let help = "say `gaps: zero` or `gaps: hold`";
                    diagnostics.push(times.wrong(cell.line, message).help(help));
                    return None;
                }
                Gaps::Zero => 0.0,
                Gaps::Hold => values[index] / step_s,
            };
            if MAX_INTERVALS < steps + rates.len() as f64 {
                diagnostics.push(times.wrong(cell.line, "this gap is too long"));
                return None;
            }
            rates.extend(std::iter::repeat_n(fill, missing));
        }
        rates.push(values[index + 1] / step_s);
    }
    Some(Rates { first_s: instants[0].at_s, step_s, rates })
}

fn spacing_mistake(gap_s: f64, steps: f64, step_s: f64) -> Option<&'static str> {
    if gap_s < 0.0 {
        Some("is before the row above")
    } else if gap_s == 0.0 {
        Some("is the same instant as the row above")
    } else if steps < 1.0 || 1e-6 * step_s < (gap_s - steps * step_s).abs() {
        Some("is not a whole number of steps after the row above")
    } else {
        None
    }
}

/// The instant of the trace at t = 0.
fn from(spec: &TraceSpec, rates: &Rates, diagnostics: &mut Diagnostics) -> Option<f64> {
    let Some(text) = &*spec.from else { return Some(rates.first_s) };
    let end_s = rates.first_s + rates.step_s * rates.rates.len() as f64;
    let found = instant(text.as_str()).map(|instant| instant.at_s);
    match found {
        Some(at_s) if rates.first_s <= at_s && at_s < end_s => Some(at_s),
        _ => {
            let place = spec.from.place.clone();
            let message = format!("read `{}`", text.as_str());
            let wrong = Diagnostic::error(Code::BadTable, place, message);
            diagnostics.push(wrong.allowed("an instant inside the trace, written as there"));
            None
        }
    }
}

impl Rates {
    /// The rate of interval `index`, which may lie outside the trace.
    fn at(&self, index: i64, after_end: AfterEnd) -> f64 {
        let n = i64::try_from(self.rates.len()).expect("a file has few rows");
        let inside = match after_end {
            AfterEnd::Repeat => index.rem_euclid(n),
            // Before its start a trace that does not repeat goes on with its first rate.
            AfterEnd::Hold => index.clamp(0, n - 1),
            AfterEnd::Stop if n <= index => return 0.0,
            AfterEnd::Stop => index.max(0),
        };
        self.rates[usize::try_from(inside).expect("inside the trace")]
    }
}

/// Constant within each interval.
fn stepped(rates: &Rates, after_end: AfterEnd, from_s: f64, window: Window) -> RateCurve {
    let offset_s = rates.first_s - from_s;
    let mut index = ((window.start_s - offset_s) / rates.step_s).floor() as i64;
    let mut steps = vec![(window.start_s, rates.at(index, after_end))];
    loop {
        index += 1;
        let start_s = offset_s + rates.step_s * index as f64;
        if window.end_s <= start_s {
            return RateCurve::steps(&steps, window.end_s);
        }
        if window.start_s < start_s {
            steps.push((start_s, rates.at(index, after_end)));
        }
    }
}

/// Straight lines between the middles of the intervals.
fn lines(rates: &Rates, after_end: AfterEnd, from_s: f64, window: Window) -> RateCurve {
    let first_middle_s = rates.first_s - from_s + 0.5 * rates.step_s;
    let middle_s = |index: i64| first_middle_s + rates.step_s * index as f64;
    let between = |index: i64, at_s: f64| {
        let (here, next) = (rates.at(index, after_end), rates.at(index + 1, after_end));
        here + (next - here) * ((at_s - middle_s(index)) / rates.step_s)
    };
    let mut index = ((window.start_s - first_middle_s) / rates.step_s).floor() as i64;
    let mut points = vec![(window.start_s, between(index, window.start_s))];
    while middle_s(index + 1) < window.end_s {
        index += 1;
        if window.start_s < middle_s(index) {
            points.push((middle_s(index), rates.at(index, after_end)));
        }
    }
    points.push((window.end_s, between(index, window.end_s)));
    RateCurve::through(&points)
}

/// Warns where the hour that clocks repeat in autumn seems to be counted twice.
///
/// American clocks go back at 02:00 on the first Sunday of November, European ones at 02:00 or
/// 03:00 on the last of October. Doubled means over 1.5 times the mean of the rows an hour before
/// and an hour after.
fn warn_of_doubled_hour(
    counts: &Column,
    instants: &[Stamp],
    values: &[f64],
    from_s: f64,
    window: Window,
    diagnostics: &mut Diagnostics,
) {
    const HOUR_S: f64 = 3_600.0;
    let used = from_s + window.start_s..from_s + window.end_s;
    let value_at = |at_s: f64| {
        let index = instants.partition_point(|instant| instant.at_s < at_s);
        instants.get(index).filter(|found| found.at_s == at_s).map(|_| values[index])
    };
    for (index, instant) in instants.iter().enumerate() {
        let local_date = instant.is_date && instant.zone_min.is_none();
        if !local_date || !used.contains(&instant.at_s) || !is_repeated_hour(instant.at_s) {
            continue;
        }
        let neighbours = (value_at(instant.at_s - HOUR_S), value_at(instant.at_s + HOUR_S));
        let (Some(before), Some(after)) = neighbours else { continue };
        if 0.75 * (before + after) < values[index] {
            let cell = &counts.cells[index];
            let message = format!("`{}` seems to count an hour twice: clocks go back", cell.text);
            let doubled =
                Diagnostic { severity: Severity::Warning, ..counts.wrong(cell.line, message) };
            let doubled = doubled.help("start elsewhere, or halve the rows of that hour");
            // Shifted users may meet the same hour.
            if !diagnostics.sorted().contains(&&doubled) {
                diagnostics.push(doubled);
            }
        }
    }
}

fn is_repeated_hour(at_s: f64) -> bool {
    let days = (at_s / 86_400.0).floor() as i64;
    let hour = ((at_s - days as f64 * 86_400.0) / 3_600.0).floor() as i64;
    let (_, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday.
    let is_sunday = (days + 4).rem_euclid(7) == 0;
    let american = month == 11 && day <= 7 && hour == 1;
    let european = month == 10 && 25 <= day && (1..=2).contains(&hour);
    is_sunday && (american || european)
}

/// An instant as written: `2014-07-01 00:30[:15][Z|+02:00]`, or a number of seconds.
fn instant(text: &str) -> Option<Stamp> {
    if let Ok(at_s) = text.parse::<f64>() {
        return at_s.is_finite().then_some(Stamp { at_s, zone_min: None, is_date: false });
    }
    let (date, time) = text.split_once([' ', 'T'])?;
    let (time, zone_min) = match time.strip_suffix('Z') {
        Some(time) => (time, Some(0)),
        None => match time.rfind(['+', '-']) {
            Some(sign) => {
                let minutes = minutes(&time[sign + 1..])?;
                (
                    &time[..sign],
                    Some(if time.as_bytes()[sign] == b'-' { -minutes } else { minutes }),
                )
            }
            None => (time, None),
        },
    };
    let date: Vec<i64> = date.split('-').map(digits).collect::<Option<_>>()?;
    let clock: Vec<i64> = time.split(':').map(digits).collect::<Option<_>>()?;
    let ([year, month, day], [hour, minute, rest @ ..]) = (date.as_slice(), clock.as_slice())
    else {
        return None;
    };
    let second = match rest {
        [] => 0,
        [second] => *second,
        _ => return None,
    };
    let valid = (1..=12).contains(month) && (1..=31).contains(day) && *year <= 9_999;
    if !valid || 23 < *hour || 59 < *minute || 59 < second {
        return None;
    }
    let days = days_from_civil(*year, *month, *day);
    if civil_from_days(days) != (*year, *month, *day) {
        return None;
    }
    let at_s = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Stamp { at_s: at_s as f64, zone_min, is_date: true })
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `02:00` in minutes.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(digits(hours)? * 60 + digits(minutes)?)
}

/// Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01 (same source).
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Instants as people write them; everything else is refused, dates that do not exist too.
    #[test]
    fn instants_read_as_written() {
        let at = |text: &str| instant(text).map(|found| (found.at_s, found.zone_min));
        assert_eq!(at("1970-01-02 00:00"), Some((86_400.0, None)));
        assert_eq!(at("2014-07-01T00:30:15Z"), Some((1_404_174_615.0, Some(0))));
        assert_eq!(at("2014-07-01 00:30+02:00"), Some((1_404_174_600.0, Some(120))));
        assert_eq!(at("90.5"), Some((90.5, None)));
        for text in ["", "x", "2014-02-30 00:00", "2014-7-1", "2014-07-01 24:00", "NaN"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    fn rates() -> Rates {
        Rates { first_s: 0.0, step_s: 60.0, rates: vec![1.0, 2.0, 4.0] }
    }

    const WINDOW: Window = Window { start_s: -60.0, end_s: 300.0 };

    /// What follows the last interval, and what comes before the first, is as the scenario says.
    #[test]
    fn a_trace_goes_on_as_said() {
        for (after_end, before, at_200_s) in
            [(AfterEnd::Hold, 1.0, 4.0), (AfterEnd::Stop, 1.0, 0.0), (AfterEnd::Repeat, 4.0, 1.0)]
        {
            let curve = stepped(&rates(), after_end, 0.0, WINDOW);
            assert_eq!(curve.rate_at(-30.0), before, "{after_end}");
            assert_eq!(curve.rate_at(200.0), at_200_s, "{after_end}");
        }
    }

    /// Stepped rates keep each interval's count; lines pass through the middles.
    #[test]
    fn interpolation_keeps_counts_or_middles() {
        let steps = stepped(&rates(), AfterEnd::Hold, 0.0, WINDOW);
        for (from_s, count) in [(0.0, 60.0), (60.0, 120.0), (120.0, 240.0)] {
            assert!((steps.integral(from_s, from_s + 60.0) - count).abs() < 1e-9);
        }
        let lines = lines(&rates(), AfterEnd::Hold, 0.0, WINDOW);
        for (at_s, rate) in [(-60.0, 1.0), (30.0, 1.0), (60.0, 1.5), (90.0, 2.0), (150.0, 4.0)] {
            assert!((lines.rate_at(at_s) - rate).abs() < 1e-9, "{at_s}");
        }
        assert_eq!((lines.start_s(), lines.end_s()), (-60.0, 300.0));
    }

    /// The hour that clocks repeat: 01:00 on 2014-11-02 in New York, not a week later.
    #[test]
    fn repeated_hours_are_known() {
        let hour = |text: &str| is_repeated_hour(instant(text).unwrap().at_s);
        assert!(hour("2014-11-02 01:30") && hour("2014-10-26 02:30"));
        assert!(
            !hour("2014-11-02 02:00") && !hour("2014-11-09 01:00") && !hour("2014-11-01 01:00")
        );
    }
}
