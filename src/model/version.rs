//! Versions of releases: what PEP 440 calls equal, and their order.
//!
//! The grammar is that of `pep440_rs`. It knows no number above 64 bits, PEP 440 has no such limit (dates with
//! times, hashes written as numbers), so equality and order are decided here, on numbers of any length.

use pep440_rs::{LocalSegment, Prerelease, PrereleaseKind, Version};

/// Reads a version (PEP 440). `None` for a legacy one, and for one with a number above 64 bits: [`same`] and
/// [`sort_key`] know the latter.
pub fn parse(text: &str) -> Option<Version> {
    text.parse().ok()
}

/// Whether two texts name the same release: `1.0`, `v1` and `1.0.0` do (PEP 440). False when either is invalid.
pub fn same(a: &str, b: &str) -> bool {
    Key::read(a).is_some_and(|key| Key::read(b) == Some(key))
}

/// The order of releases: legacy versions first, by their text, then the valid ones as PEP 440 sorts them.
///
/// Equal keys are equal versions.
pub fn sort_key(text: &str) -> impl Ord + use<> {
    Key::read(text).map_or_else(|| SortKey::Legacy(text.to_owned()), SortKey::Valid)
}

/// Whether a version is no pre-release (PEP 440).
pub fn is_stable(text: &str) -> bool {
    Key::read(text).is_none_or(|key| key.phase == Phase::Final && key.is_finished)
}

/// The highest version, pre-releases included (devpi: `metadata.py`, `get_latest_version`).
pub fn latest<'a>(versions: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    versions.into_iter().max_by_key(|text| sort_key(text))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Legacy(String),
    Valid(Key),
}

/// What is compared, most important first; the derived order is that of PEP 440.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    epoch: Number,
    /// Without trailing zeros.
    release: Vec<Number>,
    phase: Phase,
    post: Option<Number>,
    /// Whether there is no `.devN`: one with it is older.
    is_finished: bool,
    dev: Option<Number>,
    local: Vec<Local>,
}

/// `1.0.dev1` is before `1.0a1`, but `1.0.post1.dev1` is after `1.0`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Dev,
    Alpha(Number),
    Beta(Number),
    Candidate(Number),
    Final,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Text(String),
    Number(Number),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    Small(u64),
    /// Above 64 bits: how many digits, and the digits without leading zeros.
    Large(usize, String),
}

impl Number {
    const ZERO: Self = Self::Small(0);

    fn read(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        match digits.parse() {
            Ok(number) => Self::Small(number),
            Err(_) if digits.is_empty() => Self::ZERO,
            Err(_) => Self::Large(digits.len(), digits.to_owned()),
        }
    }
}

impl Key {
    fn read(text: &str) -> Option<Self> {
        if let Some(version) = parse(text) {
            return Some(Self::of(&version, Number::Small));
        }
        let (short, long) = shorten(text);
        let version = parse(&short)?;
        Some(Self::of(&version, |number| {
            let index = number.checked_sub(STAND_IN).and_then(|index| usize::try_from(index).ok());
            let digits = index.and_then(|index| long.get(index));
            digits.map_or(Number::Small(number), |digits| Number::read(digits))
        }))
    }

    fn of(version: &Version, number: impl Fn(u64) -> Number) -> Self {
        let mut release: Vec<_> = version.release().iter().map(|&part| number(part)).collect();
        release.truncate(release.iter().rposition(|part| *part != Number::ZERO).map_or(0, |last| last + 1));
        let phase = match version.pre() {
            Some(Prerelease { kind: PrereleaseKind::Alpha, number: n }) => Phase::Alpha(number(n)),
            Some(Prerelease { kind: PrereleaseKind::Beta, number: n }) => Phase::Beta(number(n)),
            Some(Prerelease { kind: PrereleaseKind::Rc, number: n }) => Phase::Candidate(number(n)),
            None if version.dev().is_some() && version.post().is_none() => Phase::Dev,
            None => Phase::Final,
        };
        let local = version.local().iter().map(|segment| match segment {
            LocalSegment::Number(part) => Local::Number(Number::Small(*part)),
            LocalSegment::String(part) if part.bytes().all(|byte| byte.is_ascii_digit()) => {
                Local::Number(Number::read(part))
            }
            LocalSegment::String(part) => Local::Text(part.clone()),
        });
        Self {
            epoch: number(version.epoch()),
            release,
            phase,
            post: version.post().map(&number),
            is_finished: version.dev().is_none(),
            dev: version.dev().map(&number),
            local: local.collect(),
        }
    }
}

/// The first of the numbers that stand for longer ones. It has 19 digits; what is shorter stands for itself.
const STAND_IN: u64 = 1_000_000_000_000_000_000;

/// Replaces every number of 19 digits and more before the local part by [`STAND_IN`] plus its place in the list.
///
/// The grammar does not look at a number's value, so what is short is valid just when the text is.
fn shorten(text: &str) -> (String, Vec<&str>) {
    let (public, local) = text.split_at(text.find('+').unwrap_or(text.len()));
    let (mut short, mut long, mut rest) = (String::new(), Vec::new(), public);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (digits, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        let value = digits.trim_start_matches('0');
        short.push_str(before);
        if value.len() < 19 {
            short.push_str(if value.is_empty() { "0" } else { value });
        } else {
            short.push_str(&(STAND_IN + long.len() as u64).to_string());
            long.push(value);
        }
        rest = after;
    }
    (short + rest + local, long)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: &str = "123456789012345678901234567890";

    #[test]
    fn versions_sort_as_pep_440_says_and_legacy_ones_before_them() {
        let sorted = [
            "",
            "1.0.x",
            "french toast",
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0+18446744073709551615",
            "1.0+18446744073709551616",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.post18446744073709551616",
            "1.0.15",
            "1.1.dev1",
            "18446744073709551615",
            "18446744073709551616.dev1",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
            "1!0.1",
        ];
        for pair in sorted.windows(2) {
            assert!(sort_key(pair[0]) < sort_key(pair[1]), "{pair:?}");
        }
        assert_eq!(latest(sorted), Some("1!0.1"));
        assert_eq!(latest(["1.x", "0.1"]), Some("0.1"));
        assert_eq!(latest([]), None);
    }

    #[test]
    fn spellings_of_one_version_are_the_same_release() {
        for (a, b) in [
            ("v1.0", "1"),
            (" 1.0 ", "1.0.0"),
            ("1.0ALPHA1", "1.0-a.1"),
            ("1.0-beta", "1.0b0"),
            ("1.0-preview_3", "1rc3"),
            ("1.0-1", "1.0.post1"),
            ("1.0-r", "1.post0"),
            ("1.0-DEV_3", "1.dev3"),
            ("0!1.0", "1.0"),
            ("2024.01.05", "2024.1.5"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("1.0+0123", "1.0+123"),
            ("1.0+000018446744073709551616", "1.0+18446744073709551616"),
            ("00018446744073709551616.0", "v18446744073709551616"),
            ("1000000000000000000.18446744073709551616", "1000000000000000000.18446744073709551616.0"),
        ] {
            assert!(same(a, b), "{a:?} {b:?}");
            assert!(sort_key(a) == sort_key(b), "{a:?} {b:?}");
        }
        for (a, b) in [
            ("1.0", "1.1"),
            ("1.0", "1.0+1"),
            ("1.0", "1.0.dev18446744073709551615"),
            ("1.x", "1.x"),
            ("", ""),
            ("18446744073709551616", "18446744073709551617"),
            ("18446744073709551616.2", "18446744073709551616.1"),
            ("1000000000000000000", "18446744073709551616"),
        ] {
            assert!(!same(a, b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_number_above_64_bits_is_valid_for_all_but_parse() {
        for text in [BIG.to_owned(), format!("{BIG}!1.{BIG}rc{BIG}.post{BIG}.dev{BIG}+{BIG}.a{BIG}")] {
            assert!(parse(&text).is_none());
            assert!(same(&text, &format!("v{text}")), "{text}");
        }
        for text in [format!("{BIG}x"), format!("1.{BIG}..2"), format!("{BIG}.*"), "1.0+".into()] {
            assert!(!same(&text, &text), "{text}");
        }
    }
}
