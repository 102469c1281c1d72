//! The time of day as HTTP spells it.

/// `Sun, 06 Nov 1994 08:49:37 GMT`, always 29 bytes.
///
/// It changes once a second: the owner of the clock keeps one, and makes the next when the second is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpDate([u8; 29]);

impl HttpDate {
    /// The second that many seconds after 1970 began. Past the year 9999 it stays at its last second.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        let seconds = seconds.min(LAST_SECOND);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = calendar_date(days);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        // 1970 began on a Thursday.
        put(&mut text, 0, name(WEEKDAYS, days % 7));
        put(&mut text, 5, &digits(day));
        put(&mut text, 8, name(MONTHS, month - 1));
        put(&mut text, 12, &digits(year / 100));
        put(&mut text, 14, &digits(year % 100));
        put(&mut text, 17, &digits(second / 3600));
        put(&mut text, 20, &digits(second / 60 % 60));
        put(&mut text, 23, &digits(second % 60));
        Self(text)
    }

    /// The value of a `date` field.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Year, month and day of a number of days since 1970-01-01.
fn calendar_date(days: u64) -> (u64, u64, u64) {
    // Counted from 1 March of the year 0, so that a leap day is the last day of its year; 146,097 days are 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era + year_of_era / 100 - 365 * year_of_era - year_of_era / 4;
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn put(text: &mut [u8], at: usize, part: &[u8]) {
    for (place, byte) in text.iter_mut().skip(at).zip(part) {
        *place = *byte;
    }
}

/// The three letters with this number.
fn name(names: &'static [u8], index: u64) -> &'static [u8] {
    let (names, _) = names.as_chunks::<3>();
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    names.get(index).map_or(b"", |name| name.as_slice())
}

/// Two digits of a number below 100.
fn digits(number: u64) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| u8::try_from(digit).map_or(b'9', |digit| b'0' + digit))
}

const WEEKDAYS: &[u8] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// 9999-12-31 23:59:59: a year has four digits.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests;
