//! The HTML pages of a documentation archive.

use super::directory::Directory;
use crate::model::search::Page;
use std::{
    collections::BTreeMap,
    io::{Read, Seek},
};

/// How many pages are read of one archive, and how much of them, unpacked and as text, in bytes.
const MOST_PAGES: usize = 500;
const MOST_HTML: usize = 32 << 20;
const MOST_TEXT: usize = 4 << 20;

/// Longest path of a page, in bytes: an index row of PostgreSQL holds it with room to spare.
const LONGEST_PATH: usize = 1000;

/// Reads the pages of a zip of this size, as many as there is room for, and as long as one may go on; the error says what
/// is wrong with the zip. A page whose path is no text, or very long, is left out.
pub fn read(
    reader: &mut (impl Read + Seek),
    size: u64,
    may_go_on: impl Fn() -> bool,
) -> Result<Vec<Page>, String> {
    let directory = Directory::find(reader, size)?;
    let mut members = BTreeMap::new();
    directory.visit(reader, |member| {
        let path = str::from_utf8(&member.name).ok().filter(|path| path.len() <= LONGEST_PATH);
        let path = path.filter(|path| [".html", ".htm"].iter().any(|end| path.ends_with(end)));
        if let Some(path) = path.filter(|_| members.len() < MOST_PAGES) {
            members.insert(path.to_owned(), member);
        }
        Ok(())
    })?;
    let (mut pages, mut html, mut text) = (Vec::new(), 0, 0);
    for (path, member) in members {
        if !may_go_on() {
            break;
        }
        // One that is damaged, or too large, leaves the others as they are.
        let Ok(bytes) = member.content(reader, &path) else { continue };
        let page = Page::read(&path, &bytes);
        (html, text) = (html + bytes.len(), text + page.text.len());
        if html > MOST_HTML || text > MOST_TEXT {
            break;
        }
        pages.push(page);
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::zip::{ZipWriter, write::SimpleFileOptions};
    use std::io::{Cursor, Write};

    #[test]
    fn pages_are_read_and_what_else_there_is_is_not() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in [
            ("index.html", "<title>Start</title><p>Begin here"),
            ("_static/a.js", "no"),
            (&format!("{}.html", "n".repeat(LONGEST_PATH)), "no"),
            ("b/c.htm", "more"),
            ("long.html", &"word ".repeat(MOST_TEXT / 4)),
        ] {
            zip.start_file(path, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let pages = read(&mut Cursor::new(&bytes), bytes.len() as u64, || true).unwrap();
        let told: Vec<_> = pages.iter().map(|page| [&*page.path, &*page.title, &*page.text]).collect();
        assert_eq!(told, [["b/c.htm", "b/c.htm", "more"], ["index.html", "Start", "Begin here"]]);
        let pages = read(&mut Cursor::new(&bytes), bytes.len() as u64, || false).unwrap();
        assert!(pages.is_empty(), "{pages:?}");
        assert!(read(&mut Cursor::new(&bytes[1..]), bytes.len() as u64 - 1, || true).is_err());
    }
}
