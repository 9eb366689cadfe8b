//! Numbers and names as people read them: `36,000,000`, `6 min 12 s`, `+38 %`.

/// A count with a comma between thousands.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time, to a tenth of a second below ten seconds, else to the second.
#[must_use]
pub fn duration(secs: f64) -> String {
    if secs < 9.95 {
        let tenths = format!("{secs:.1}");
        return format!("{} s", tenths.strip_suffix(".0").unwrap_or(&tenths));
    }
    let whole = secs.round() as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    let parts = [(hours, "h"), (minutes, "min"), (seconds, "s")];
    let said = parts.iter().filter(|(value, _)| 0 < *value);
    said.map(|(value, unit)| format!("{value} {unit}")).collect::<Vec<_>>().join(" ")
}

/// A ratio in percent with its sign, rounded down: a shortage is never rounded away, and beyond
/// ten times the demand nobody counts.
#[must_use]
pub fn signed_percent(ratio: f64) -> String {
    const PLENTY: f64 = 10.0;
    if PLENTY < ratio {
        return "over +1000 %".to_owned();
    }
    format!("{:+} %", (ratio * 100.0).floor() as i64)
}

/// A share in percent with enough digits to tell it from 100 %, cut off and never rounded up.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let thousandths = u128::from(part) * 100_000 / u128::from(whole);
    format!("{}.{:03} %", thousandths / 1_000, thousandths % 1_000)
}

/// A text for a screen or a plot: control characters, such as those of terminal escape codes, and
/// marks that turn the direction of writing are shown as `�`.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_harmful =
        |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A word that a shell takes as it is.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands are set apart from the right.
    #[test]
    fn counts_have_commas() {
        let table = [(0, "0"), (999, "999"), (1_000, "1,000"), (36_000_000, "36,000,000")];
        for (value, text) in table {
            assert_eq!(count(value), text);
        }
    }

    /// Short times show tenths, long ones their largest units, zero parts are left out.
    #[test]
    fn durations_read_naturally() {
        let table = [
            (0.0, "0 s"),
            (0.44, "0.4 s"),
            (7.0, "7 s"),
            (28.4, "28 s"),
            (59.6, "1 min"),
            (372.0, "6 min 12 s"),
            (3_600.0, "1 h"),
            (3_605.0, "1 h 5 s"),
        ];
        for (secs, text) in table {
            assert_eq!(duration(secs), text, "{secs}");
        }
    }

    /// Rounding never makes things look better than they are.
    #[test]
    fn rounding_is_pessimistic() {
        assert_eq!(signed_percent(-0.001), "-1 %");
        assert_eq!(signed_percent(0.129), "+12 %");
        assert_eq!(signed_percent(158.0), "over +1000 %");
        assert_eq!(signed_percent(0.0), "+0 %");
        assert_eq!(share(99_999_999, 100_000_000), "99.999 %");
        assert_eq!(share(5, 5), "100.000 %");
        assert_eq!(share(0, 0), "-");
    }

    /// A name cannot move the cursor, change colours or turn the text around.
    #[test]
    fn names_cannot_control_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\u{202E}c"), "a\u{FFFD}[31mb\u{FFFD}c");
        assert_eq!(printable("Ürümqi-东"), "Ürümqi-东");
    }
}
