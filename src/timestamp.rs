//! Points in time, in milliseconds, as messages carry them and as they are shown. This file owns their formats, and the
//! only place that reads the wall clock, [`now`]. It stands below all folders, because times are both stored in files
//! and shown on screens.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::civil::Weekday;
use jiff::{ToSpan, Zoned};

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since 1970-01-01 UTC. A timestamp is shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// Returns the present time.
#[must_use]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Whether sentences tell times in UTC, because a program reads them.
static IN_UTC: AtomicBool = AtomicBool::new(false);

/// Makes sentences tell times in UTC from now on, because a program reads them and does not know the local time zone.
pub(crate) fn tell_in_utc() {
    IN_UTC.store(true, Ordering::Relaxed);
}

/// Returns a time to the minute, for a sentence: local for a person; in UTC, and marked as UTC, for a program.
#[must_use]
pub(crate) fn told(at: Timestamp) -> String {
    match IN_UTC.load(Ordering::Relaxed) {
        true => at.minute(&TimeZone::UTC) + " UTC",
        false => at.minute(&TimeZone::system()),
    }
}

/// Returns the day of a time, in the same zone.
#[must_use]
pub(crate) fn day_told(at: Timestamp) -> String {
    told(at).chars().take("2026-11-25".len()).collect()
}

/// Reads a time that a user wrote: RFC 3339, a date (which means its beginning here), `today`, `yesterday`, a day of
/// the week (the last one that has begun), or how long ago (`10m`, `2h`, `3d`, `1w`).
///
/// # Errors Returns a sentence that says what can be written, if `text` is none of this.
pub(crate) fn parse_when(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let of = |instant: jiff::Timestamp| u64::try_from(instant.as_millisecond()).ok().map(Timestamp);
    let exact = || text.parse::<jiff::Timestamp>().ok().and_then(of);
    let date = || {
        let date: jiff::civil::Date = text.parse().ok()?;
        of(date.to_zoned(zone.clone()).ok()?.timestamp())
    };
    let day = || of(named_day(text, &now.instant().to_zoned(zone.clone()))?);
    let ago = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let minutes: u64 = match unit {
            "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            "w" => 7 * 24 * 60,
            _ => return None,
        };
        let long = number.parse::<u32>().ok()?;
        Some(Timestamp(now.0.saturating_sub(u64::from(long) * minutes * 60_000)))
    };
    let wrong = || {
        format!(
            "{text:?} is no time: write today, yesterday, monday, 2026-11-25, 2026-11-25T18:00:00Z, or 2h or 3d for so \
             long ago"
        )
    };
    // A date alone would not be an exact time, and an exact time that was read as a date would lose its hours.
    let written = exact().or_else(|| if text.contains('T') { None } else { date() });
    written.or_else(day).or_else(ago).ok_or_else(wrong)
}

/// Returns the beginning of a day that is called by a name, seen from `now`. For a day of the week it is the last one
/// that has begun.
fn named_day(name: &str, now: &Zoned) -> Option<jiff::Timestamp> {
    let weekday = |name: &str| {
        let days = [
            ("monday", Weekday::Monday),
            ("tuesday", Weekday::Tuesday),
            ("wednesday", Weekday::Wednesday),
            ("thursday", Weekday::Thursday),
            ("friday", Weekday::Friday),
            ("saturday", Weekday::Saturday),
            ("sunday", Weekday::Sunday),
        ];
        let is_it = |whole: &str| whole == name || (name.len() >= 3 && whole.starts_with(name));
        days.into_iter().find(|(whole, _)| is_it(whole)).map(|(_, day)| day)
    };
    let name = name.to_ascii_lowercase();
    let back = match name.as_str() {
        "today" => 0,
        "yesterday" => 1,
        name => i64::from(now.weekday().since(weekday(name)?)),
    };
    let date = now.date().checked_sub(back.days()).ok()?;
    Some(date.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

impl Timestamp {
    /// Returns the time in the form of the calendar library. A peer may send any number; if no calendar contains it,
    /// the result is the latest time that the library has.
    #[must_use]
    pub fn instant(self) -> jiff::Timestamp {
        let millis = i64::try_from(self.0).ok();
        let instant = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        instant.unwrap_or(jiff::Timestamp::MAX)
    }

    /// Returns the time to the minute, in this zone: `2026-11-25 18:02`.
    #[must_use]
    pub fn minute(self, zone: &TimeZone) -> String {
        self.instant().to_zoned(zone.clone()).strftime("%F %H:%M").to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.instant())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        u64::try_from(time.as_millisecond()).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_in_which_people_write_them() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let read = |text: &str| parse_when(text, Timestamp(10_000_000_000), &zone);
        assert_eq!(read("1970-01-02"), Ok(Timestamp(22 * 3_600_000)));
        assert_eq!(read("1970-01-02T00:00:00Z"), Ok(Timestamp(24 * 3_600_000)));
        assert_eq!(read("1970-01-02T01:00:00+01:00"), Ok(Timestamp(24 * 3_600_000)));
        assert_eq!(read("90m"), Ok(Timestamp(10_000_000_000 - 90 * 60_000)));
        assert_eq!(read("3d"), Ok(Timestamp(10_000_000_000 - 3 * 86_400_000)));
        assert_eq!(read("9999w"), Ok(Timestamp(0)));
        for wrong in [
            "",
            "d",
            "yesterdayish",
            "mo",
            "fridays",
            "tomorrow",
            "3x",
            "2026-13-01",
            "-3d",
            "1969-01-01",
            "\u{e9}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_named_day_begins_at_midnight_in_the_time_zone_of_the_user() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        // This is Thursday, 2026-11-26, half past midnight in that zone, and still Wednesday in UTC.
        let now = Timestamp(1_795_645_800_000);
        assert_eq!(now.minute(&zone), "2026-11-26 00:30");
        let read = |text: &str| parse_when(text, now, &zone).unwrap().minute(&zone);
        for (name, day) in [
            ("today", "2026-11-26"),
            ("Yesterday", "2026-11-25"),
            ("thursday", "2026-11-26"),
            ("wed", "2026-11-25"),
            ("Monday", "2026-11-23"),
            ("friday", "2026-11-20"),
        ] {
            assert_eq!(read(name), format!("{day} 00:00"), "{name}");
        }
    }

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(Timestamp(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
        let read: Timestamp = serde_json::from_str("\"2023-11-14T22:13:20.123Z\"").unwrap();
        assert_eq!(read, Timestamp(1_700_000_000_123));
        for never in [u64::MAX, i64::MAX as u64, 253_500_000_000_000] {
            assert!(Timestamp(never).to_string().starts_with("9999-12-30T"), "{never}");
        }
    }
}
