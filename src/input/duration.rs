//! A length of time as a user types it, such as `10m`, `2h` or `7d`. This file does not know what the time is for.

/// The longest time that can be typed, in seconds: ten years. Instead of a longer time, users can leave the time out.
const LONGEST: u64 = 10 * 366 * 24 * 3600;

/// Reads a number of seconds (`s`), minutes (`m`), hours (`h`), days (`d`) or weeks (`w`) and returns it in seconds.
/// Returns `None` if the text is written in any other way, is zero or is longer than ten years.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        'w' => 7 * 24 * 3600,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = if digits { number.parse().ok()? } else { return None };
    number.checked_mul(seconds).filter(|seconds| (1..=LONGEST).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_a_duration() {
        for (text, seconds) in [("1s", 1), ("10m", 600), ("2h", 7200), ("7d", 604_800), ("1w", 604_800)] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn a_duration_in_any_other_form_is_refused() {
        for text in [
            "",
            "h",
            "0h",
            "-1h",
            "+1h",
            "1.5h",
            "10",
            "10 m",
            "10M",
            "1h30m",
            "4000d",
            "99999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
