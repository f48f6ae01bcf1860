//! The place of a text that a question is about.

use super::{clipped, words};

/// How much of a text is shown before the place and after it, in bytes.
const BEFORE: usize = 60;
const AFTER: usize = 180;

/// The surroundings of the first word that begins with one of these, on one line; `None` when there is none.
pub fn snippet(text: &str, wanted: &[String]) -> Option<String> {
    let is_wanted = |word: &str| words(word).any(|word| wanted.iter().any(|wanted| word.starts_with(wanted)));
    let mut starts = text.char_indices().scan(' ', |before, (at, c)| {
        let is_start = c.is_alphanumeric() && !before.is_alphanumeric();
        *before = c;
        Some((at, is_start))
    });
    let at = starts.find_map(|(at, is_start)| {
        let word = || text[at..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        (is_start && is_wanted(word())).then_some(at)
    })?;
    let from = clipped(text, at.saturating_sub(BEFORE)).len();
    let to = clipped(text, at + AFTER).len();
    // No word is cut but one that fills all of it.
    let from =
        if from == 0 { 0 } else { text[from..at].find(char::is_whitespace).map_or(at, |gap| from + gap) };
    let to = if to == text.len() {
        to
    } else {
        text[at..to].rfind(char::is_whitespace).map_or(to, |gap| at + gap)
    };
    let line = text[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = (if from > 0 { "… " } else { "" }, if to < text.len() { " …" } else { "" });
    Some(format!("{before}{line}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_is_shown_with_what_stands_around_it() {
        let long = "lorem ".repeat(40) + "the\n Needle\tähm " + &"ipsum ".repeat(60);
        let long_shown = format!("… {}the Needle ähm {}…", "lorem ".repeat(9), "ipsum ".repeat(28));
        for (text, wanted, expected) in [
            ("A small web framework.", "fram", Some("A small web framework.")),
            ("A small web framework.", "ramework", None),
            ("Straße", "straß", Some("Straße")),
            ("", "a", None),
            (&long, "needle", Some(long_shown.as_str())),
        ] {
            let found = snippet(text, &[wanted.to_owned()]);
            assert_eq!(found.as_deref(), expected, "{wanted}");
        }
    }
}
