//! The place of a text that a question is about, and the words in it.

use super::{clipped, words};

/// How much of a text is shown before the place and after it, in bytes.
const BEFORE: usize = 60;
const AFTER: usize = 180;

/// The surroundings of the first word that begins with one of these, on one line; `None` when there is none.
pub fn snippet(text: &str, wanted: &[String]) -> Option<String> {
    let mut starts = text.char_indices().scan(' ', |before, (at, c)| {
        let is_start = c.is_alphanumeric() && !before.is_alphanumeric();
        *before = c;
        Some((at, is_start))
    });
    let at = starts.find_map(|(at, is_start)| {
        let word = || text[at..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        (is_start && is_wanted(word(), wanted)).then_some(at)
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

/// A text in pieces: the words that begin with one of these (`true`), and what stands between them.
pub fn marked<'a>(text: &'a str, wanted: &[String]) -> Vec<(&'a str, bool)> {
    let mut pieces = Vec::new();
    let (mut between, mut at) = (0, 0);
    while let Some(first) = text[at..].chars().next() {
        let is_other = |c: char| c.is_alphanumeric() != first.is_alphanumeric();
        let end = text[at..].find(is_other).map_or(text.len(), |length| at + length);
        if first.is_alphanumeric() && is_wanted(&text[at..end], wanted) {
            pieces.extend((between < at).then(|| (&text[between..at], false)));
            pieces.push((&text[at..end], true));
            between = end;
        }
        at = end;
    }
    pieces.extend((between < text.len()).then(|| (&text[between..], false)));
    pieces
}

fn is_wanted(word: &str, wanted: &[String]) -> bool {
    words(word).any(|word| wanted.iter().any(|wanted| word.starts_with(wanted)))
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
    #[test]
    fn the_words_that_are_wanted_are_marked_and_no_character_is_lost() {
        let wanted = ["web".to_owned(), "straß".to_owned()];
        for (text, expected) in [
            ("", &[][..]),
            ("no", &[("no", false)]),
            ("Webs", &[("Webs", true)]),
            ("a web-web <b>", &[("a ", false), ("web", true), ("-", false), ("web", true), (" <b>", false)]),
            ("Cobweb STRASSE Straße!", &[("Cobweb STRASSE ", false), ("Straße", true), ("!", false)]),
        ] {
            assert_eq!(marked(text, &wanted), expected, "{text}");
        }
        assert_eq!(marked("web", &[]), [("web", false)]);
    }
}
