//! Reads an upstream's list of projects as it arrives: a million names, never the whole body.

use super::{
    form::{Form, check_version, is_before_start, shorten},
    html::{Tag, is_web, last_segment, start_tags},
};
use crate::model::names::{Names, NamesBuilder};
use html5gum::IoReader;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, BufReader, Read},
};
use url::Url;

/// Bytes in which no name stands, at most. A text of any length would else be collected until memory ends.
const LONGEST_STRETCH: usize = 8 << 20;

/// Reads the list that the upstream has at `url` (after redirects), in HTML or JSON.
///
/// It blocks as long as `reader` does. The error says why this is no list of projects, for an operator.
pub fn read(reader: impl Read, content_type: &str, url: &Url) -> Result<Names, String> {
    let stretch = Cell::new(0);
    let mut list = List { names: NamesBuilder::default(), stretch: &stretch };
    let mut reader = BufReader::new(Watched { reader, stretch: &stretch });
    let form = first_byte(&mut reader)
        .map_err(|error| error.to_string())
        .and_then(|first| Form::of(content_type, first));
    let read = form.and_then(|form| match form {
        Form::Html => html(reader, url, &mut list),
        Form::Json => json(reader, &mut list),
    });
    match read {
        Ok(()) => Ok(list.names.finish()),
        Err(reason) => Err(format!("says nothing that a list of projects says: {}", shorten(&reason))),
    }
}

/// The names so far.
struct List<'a> {
    names: NamesBuilder,
    /// Bytes that were read since the last of them.
    stretch: &'a Cell<usize>,
}

impl List<'_> {
    fn push(&mut self, name: &str) -> Result<(), String> {
        self.stretch.set(0);
        if self.names.size() + name.len() >= NamesBuilder::LARGEST {
            return Err("it has more names than fit into memory".into());
        }
        self.names.push(name);
        Ok(())
    }
}

/// Reads on while names come.
struct Watched<'a, R> {
    reader: R,
    stretch: &'a Cell<usize>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stretch.get() > LONGEST_STRETCH {
            return Err(io::Error::other("it goes on without a name"));
        }
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(length) => {
                    self.stretch.set(self.stretch.get() + length);
                    return Ok(length);
                }
            }
        }
    }
}

/// Skips what may stand before the document; its first byte stays to be read.
fn first_byte(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        let Some(last) = buffer.len().checked_sub(1) else { return Ok(None) };
        let start = buffer.iter().position(|byte| !is_before_start(*byte));
        let first = start.map(|start| buffer[start]);
        reader.consume(start.unwrap_or(last + 1));
        if first.is_some() {
            return Ok(first);
        }
    }
}

enum Stop {
    Io(io::Error),
    Full(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn html(reader: impl Read, url: &Url, list: &mut List) -> Result<(), String> {
    let (mut is_empty, mut asks_people) = (true, false);
    let is_html = start_tags(IoReader::new(reader), url, |tag, base| {
        asks_people |= tag.asks_people();
        let Some(name) = project(tag, url, base) else { return Ok(()) };
        is_empty = false;
        list.push(&name).map_err(Stop::Full)
    });
    match is_html {
        Ok(true) if is_empty && asks_people => Err("it is a page for people, with a form".into()),
        Ok(true) => Ok(()),
        Ok(false) => Err("it is no HTML".into()),
        Err(Stop::Io(error)) => Err(error.to_string()),
        Err(Stop::Full(reason)) => Err(reason),
    }
}

/// The project that an anchor leads to: the last part of its link's path (devpi: `mirror.py`, `ProjectHTMLParser`).
///
/// A link with a host must lead below the list; any may not lead up, as to the parent of the folder.
fn project(tag: &Tag, url: &Url, base: &Url) -> Option<String> {
    if tag.name() != b"a" {
        return None;
    }
    let href = tag.attribute("href")?;
    let mut target = base.join(&href).ok()?;
    if !is_web(&target) || target.host_str() != url.host_str() || target.port() != url.port() {
        return None;
    }
    let (from, to) = (folder(url), folder(&target));
    let is_absolute = href.trim().starts_with("//") || Url::parse(&href).is_ok();
    if from.starts_with(&to) || (is_absolute && !to.starts_with(&from)) {
        return None;
    }
    target.set_path(&to);
    last_segment(&target)
}

/// The path with a final slash. A static copy of an index may have `index.html` there.
fn folder(url: &Url) -> String {
    let path = url.path();
    let path = path.strip_suffix("/index.html").unwrap_or(path);
    format!("{}/", path.trim_end_matches('/'))
}

fn json(reader: impl Read, list: &mut List) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let read = Root(list).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map_err(|error| error.to_string())
}

struct Root<'a, 'b>(&'a mut List<'b>);

impl<'de> DeserializeSeed<'de> for Root<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with projects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_projects = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "projects" => {
                    map.next_value_seed(Projects(&mut *self.0))?;
                    has_projects = true;
                }
                "meta" => check_version(&map.next_value()?).unwrap_or(Ok(())).map_err(A::Error::custom)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if has_projects { Ok(()) } else { Err(A::Error::custom("it has no projects")) }
    }
}

struct Projects<'a, 'b>(&'a mut List<'b>);

impl<'de> DeserializeSeed<'de> for Projects<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Projects<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of projects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut projects: A) -> Result<(), A::Error> {
        while let Some(project) = projects.next_element::<Project>()? {
            if let Value::String(name) = project.name {
                self.0.push(&name).map_err(A::Error::custom)?;
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    name: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "application/vnd.pypi.simple.v1+json";

    /// Yields a few bytes at a time, as a socket does, then perhaps fails.
    struct Trickle<I> {
        parts: I,
        rest: Vec<u8>,
        step: usize,
        is_cut: bool,
    }

    impl<I: Iterator<Item = String>> Read for Trickle<I> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            while self.rest.is_empty() {
                match self.parts.next() {
                    Some(part) => self.rest = part.into_bytes(),
                    None if self.is_cut => return Err(io::Error::other("connection reset")),
                    None => return Ok(0),
                }
            }
            self.step = self.step % 61 + 1;
            let length = self.step.min(self.rest.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.rest[..length]);
            self.rest.drain(..length);
            Ok(length)
        }
    }

    fn trickle<I: Iterator<Item = String>>(parts: I) -> Trickle<I> {
        Trickle { parts, rest: Vec::new(), step: 0, is_cut: false }
    }

    fn list(body: &str, content_type: &str) -> Result<String, String> {
        let url = Url::parse("https://up.example/simple/").unwrap();
        let names = read(trickle([body.to_owned()].into_iter()), content_type, &url)?;
        Ok(names.iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names_are_read_from_json_under_any_type() {
        for (body, content_type, expected) in [
            (
                r#"{"meta": {"api-version": "1.4"}, "projects": [{"name": "Foo_Bar"}, {"name": "a"}]}"#,
                JSON,
                "a foo-bar",
            ),
            ("\u{feff} \n{\"projects\": [{\"name\": \"\\u0061\"}]}", "text/html", "a"),
            (
                r#"{"projects": [{"name": "b", "_last-serial": 1, "x": {"name": "c"}}], "meta": {"_last-serial": 9}}"#,
                "",
                "b",
            ),
            (
                r#"{"x": [{"projects": []}], "projects": [{"name": null}, {"name": "é"}, {}, {"name": "d"}]}"#,
                JSON,
                "d",
            ),
            (r#"{"projects": []}"#, "application/json; charset=utf-8", ""),
        ] {
            assert_eq!(list(body, content_type).as_deref(), Ok(expected), "{body}");
        }
    }

    #[test]
    fn names_are_read_from_the_links_of_html() {
        let page = |links: &str| format!("<!DOCTYPE html><title>Simple index</title>{links}");
        for (links, expected) in [
            ("<a href='/simple/foo/'>Foo</a><A HREF=Bar_Baz>x</A>", "bar-baz foo"),
            ("<a href='https://up.example/simple/foo/'>f</a><a href='//up.example/simple/b'>b</a>", "b foo"),
            ("<a href='https://up.example/other/foo/'>f</a><a href='https://x.example/simple/b/'>b</a>", ""),
            ("<a href='../'>up</a><a href='/'>x</a><a href='./'>x</a><a href='?C=N;O=D'>Name</a>", ""),
            ("<a href='mailto:a@up.example'>x</a><a name=foo>x</a><a href='#foo'>x</a><a href=''>x</a>", ""),
            (
                "<a href='foo/index.html'>f</a><a href='b%61r/#x'>b</a><a href='a&#45;b?x=y'>b</a>",
                "a-b bar foo",
            ),
            ("<base href='/pypi/simple'><base href='/no/'><a href='foo/'>f</a>", "foo"),
            ("<base href='https://x.example/simple/'><a href='foo/'>f</a>", ""),
            ("<script>'<a href=no>'</script><!-- <a href=no> --><a href=foo/>f</a>", "foo"),
        ] {
            assert_eq!(list(&page(links), "text/html").as_deref(), Ok(expected), "{links}");
        }
        assert_eq!(list("<a href=foo/>f</a>", "application/vnd.pypi.simple.v1+html").as_deref(), Ok("foo"));
    }

    #[test]
    fn what_is_no_list_is_refused_with_the_reason() {
        for (body, content_type, reason) in [
            ("", "text/html", "it is empty"),
            (" \n", JSON, "it is empty"),
            ("hello", "text/plain", "its type is 'text/plain'"),
            ("hello", "text/html", "it is no HTML"),
            ("<html><form>Who are you?</form>", "text/html", "it is a page for people, with a form"),
            ("<html>", JSON, "expected value at line 1 column 1"),
            (r#"{"projects": [{"name": "a"}, {"na"#, JSON, "EOF while parsing a string"),
            (r#"{"projects": [{"name": "a"}]} x"#, JSON, "trailing characters"),
            (r#"{"meta": {"api-version": "1.0"}}"#, JSON, "it has no projects"),
            (r#"{"projects": {}}"#, JSON, "expected a list of projects"),
            (r#"{"projects": [], "meta": {"api-version": "2.0"}}"#, JSON, "its api-version is '2.0'"),
        ] {
            let error = list(body, content_type).unwrap_err();
            assert!(error.contains(reason), "{body}: {error}");
            assert!(error.starts_with("says nothing that a list of projects says: "), "{error}");
        }
    }

    #[test]
    fn a_connection_that_breaks_is_no_end() {
        let url = Url::parse("https://up.example/simple/").unwrap();
        for (body, content_type) in
            [("<html><a href=foo>", "text/html"), ("{\"projects\": [", JSON), ("", "")]
        {
            let parts = [body.to_owned()].into_iter();
            let error = read(Trickle { is_cut: true, ..trickle(parts) }, content_type, &url).unwrap_err();
            assert!(error.contains("connection reset"), "{error}");
        }
    }

    #[test]
    fn a_list_of_any_length_is_read_as_it_comes() {
        let url = Url::parse("https://up.example/simple/").unwrap();
        let count = 200_000;
        let rows = |row: fn(usize) -> String| (0..count).map(move |number| row((number * 7919) % count));
        let around = |start: &str, end: &str| (vec![start.to_owned()], vec![end.to_owned()]);

        let (start, end) = around("{\"projects\": [{\"name\": \"p\"}", "]}");
        let names = rows(|number| format!(", {{\"_last-serial\": {number}, \"name\": \"P__{number:06}\"}}"));
        let json = read(trickle(start.into_iter().chain(names).chain(end)), JSON, &url).unwrap();
        let (start, end) = around("<html><body><a href='p'>p</a>", "</body></html>");
        let names = rows(|number| format!("<a href=\"/simple/p-{number:06}/\">P_{number:06}</a><br/>\n"));
        let html = read(trickle(start.into_iter().chain(names).chain(end)), "text/html", &url).unwrap();

        assert_eq!((json.len(), json.get(0), json.get(count)), (count + 1, Some("p"), Some("p-199999")));
        assert!(json == html);
    }

    #[test]
    fn what_never_names_anything_is_not_read_for_ever() {
        let url = Url::parse("https://up.example/simple/").unwrap();
        for (start, content_type) in [("<html>", "text/html"), ("{\"x\": \"", JSON), (" ", "")] {
            let endless = start.as_bytes().chain(io::repeat(b' '));
            let error = read(endless, content_type, &url).unwrap_err();
            assert!(error.contains("it goes on without a name"), "{error}");
        }
    }
}
