//! Times in RFC 3339 notation.

/// Parses `2030-01-31T12:00:00Z`, with up to nine digits after the seconds, or a number, and returns nanoseconds since
/// 1970; `None` if the text is invalid or before 1970.
pub fn nanoseconds(text: &str) -> Option<u64> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return text.replace('_', "").parse().ok();
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let valid = year >= 1970 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 {
        return None;
    }
    let ns = digits(&format!("{fraction:0<9}"))?;
    let years = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<u64>();
    let days = years + (1..month).map(|month| days_of(year, month)).sum::<u64>() + day - 1;
    (((days * 24 + hour) * 60 + minute) * 60 + second).checked_mul(1_000_000_000)?.checked_add(ns)
}

/// Formats a time since 1970, with three digits after the seconds.
#[cfg(feature = "serve")]
pub fn text(since_1970: std::time::Duration) -> String {
    let seconds = since_1970.as_secs();
    // Years begin in March here, so that a leap day is the last of its year: 400 of them have 146,097 days, and five
    // months from March or August on have 153.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = 400 * era + of_era + u64::from(month < 3);

    let [hour, minute, second] = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60];
    let mut text = String::with_capacity(24);
    for (number, digits, after) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (hour, 2, ':'),
        (minute, 2, ':'),
        (second, 2, '.'),
        (since_1970.subsec_millis().into(), 3, 'Z'),
    ] {
        text.extend((0..digits).rev().map(|place| char::from(b'0' + (number / 10_u64.pow(place) % 10) as u8)));
        text.push(after);
    }
    text
}

/// Parses three numbers with these numbers of digits.
fn fields(text: &str, apart: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let parts: Vec<_> = text.split(apart).collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    if parts.map(str::len) != widths {
        return None;
    }
    let [a, b, c] = parts.map(digits);
    Some([a?, b?, c?])
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[cfg(feature = "serve")]
    #[test]
    fn times_are_written_as_they_are_read() {
        use std::time::Duration;
        for text in [
            "1970-01-01T00:00:00.000Z",
            "1972-02-29T23:59:59.999Z",
            "1999-12-31T23:59:59.001Z",
            "2000-02-29T12:34:56.789Z",
            "2000-03-01T00:00:00.000Z",
            "2026-12-01T05:06:07.089Z",
            "2100-02-28T23:59:59.000Z",
            "2100-03-01T00:00:00.000Z",
            "2400-12-31T00:00:00.100Z",
        ] {
            assert_eq!(super::text(Duration::from_nanos(nanoseconds(text).unwrap())), text);
        }
    }

    #[test]
    fn times_are_read() {
        let second = 1_000_000_000;
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-01-01T00:00:00Z", Some(946_684_800 * second)),
            ("2000-02-29T23:59:59.5Z", Some(951_868_799 * second + second / 2)),
            ("2024-03-01T00:00:00.000000001Z", Some(1_709_251_200 * second + 1)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400 * second)),
            ("1_000", Some(1_000)),
            ("0", Some(0)),
        ] {
            assert_eq!(nanoseconds(text), ns, "{text}");
        }
        for text in [
            "",
            "Z",
            "-1",
            "now",
            "1969-12-31T23:59:59Z",
            "2023-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-32T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01",
            "2024-1-1T00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.0000000001Z",
            "2024-01-01T00:00:00.-1Z",
            "9999-12-31T23:59:59Z",
            "99999999999999999999",
            "2024-+1-01T00:00:00Z",
        ] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}
