//! Lists of projects, of any length: written piece by piece (PEP 503, PEP 691).

use super::{
    name::IndexName,
    names::Names,
    page::{API_VERSION, Format, escaped},
    serial::Serial,
};
use std::{collections::HashMap, fmt::Write, sync::Arc};

/// About how many bytes a piece has.
const PIECE: usize = 64 << 10;

/// The list of the projects of one index, its bases included.
#[derive(Debug, Clone)]
pub struct ListPage {
    pub index: IndexName,
    /// Each index in resolution order with its bases and the names of its own projects.
    pub indexes: Vec<(IndexName, Vec<IndexName>, Arc<Names>)>,
    /// For JSON alone: the last change of what the list depends on, and of each project of which there is anything here.
    pub serial: Serial,
    pub serials: HashMap<String, Serial>,
}

impl ListPage {
    /// The list, piece by piece; `prefix` leads from the page to the place of the project pages, it is empty or ends in
    /// `/`.
    pub fn pieces(self, format: Format, prefix: String) -> Box<dyn Iterator<Item = String> + Send> {
        match format {
            Format::Json | Format::PypiJson => Box::new(self.json()),
            Format::Html | Format::HtmlV1 => Box::new(self.html(prefix)),
        }
    }

    fn json(self) -> impl Iterator<Item = String> + Send {
        let serial = self.serial;
        let head =
            format!(r#"{{"meta":{{"api-version":"{API_VERSION}","_last-serial":{serial}}},"projects":["#);
        let mut first = true;
        let names = merged(self.indexes.into_iter().map(|(.., names)| names).collect());
        let projects = pieced(names, move |text, name| {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            let _ = write!(text, r#"{comma}{{"name":"{name}""#);
            if let Some(serial) = self.serials.get(name) {
                let _ = write!(text, r#","_last-serial":{serial}"#);
            }
            text.push('}');
        });
        std::iter::once(head).chain(projects).chain(["]}".to_owned()])
    }

    fn html(self, prefix: String) -> impl Iterator<Item = String> + Send {
        let title = escaped(&format!("{}: simple list (including inherited indices)", self.index));
        let head = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"pypi:repository-version\" content=\"{API_VERSION}\">\n<title>{title}</title>\n</head>\n\
             <body>\n<h1>{title}</h1>\n"
        );
        let all: Vec<_> = self.indexes.iter().map(|(.., names)| names.clone()).collect();
        let sections =
            self.indexes.into_iter().enumerate().flat_map(move |(place, (index, bases, names))| {
                let bases: Vec<_> = bases.iter().map(ToString::to_string).collect();
                let heading = match bases.is_empty() {
                    true => index.to_string(),
                    false => format!("{index} (bases: {})", bases.join(",")),
                };
                let heading = format!("<h2>{}</h2>\n", escaped(&heading));
                let earlier = all[..place].to_vec();
                let own = Owned { names, place: 0 }
                    .filter(move |name| !earlier.iter().any(|names| names.contains(name)));
                let prefix = prefix.clone();
                let links = pieced(own, move |text, name| {
                    let _ = writeln!(text, "<a href=\"{prefix}{name}/\">{name}</a><br>");
                });
                std::iter::once(heading).chain(links)
            });
        std::iter::once(head).chain(sections).chain(["</body>\n</html>\n".to_owned()])
    }
}

/// The names as a JSON list of texts, indented as far as `indent`, piece by piece.
pub fn json_texts(names: Arc<Names>, indent: &'static str) -> impl Iterator<Item = String> + Send {
    let (end, mut first) = (if names.is_empty() { "]".into() } else { format!("\n{indent}]") }, true);
    let texts = pieced(Owned { names, place: 0 }, move |text, name| {
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        let _ = write!(text, "{comma}\n{indent}  \"{name}\"");
    });
    std::iter::once("[".to_owned()).chain(texts).chain([end])
}

/// Names one after the other, each a text of its own.
struct Owned {
    names: Arc<Names>,
    place: usize,
}

impl Iterator for Owned {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let name = self.names.get(self.place)?.to_owned();
        self.place += 1;
        Some(name)
    }
}

/// The names of all lists in one order, each once.
fn merged(lists: Vec<Arc<Names>>) -> impl Iterator<Item = String> + Send {
    let mut places = vec![0; lists.len()];
    std::iter::from_fn(move || {
        let heads = lists.iter().zip(&places).filter_map(|(names, place)| names.get(*place));
        let name = heads.min()?.to_owned();
        for (names, place) in lists.iter().zip(&mut places) {
            *place += usize::from(names.get(*place) == Some(&name));
        }
        Some(name)
    })
}

/// Writes each name, in pieces of some size.
fn pieced(
    mut names: impl Iterator<Item = String> + Send,
    mut write: impl FnMut(&mut String, &str) + Send,
) -> impl Iterator<Item = String> + Send {
    std::iter::from_fn(move || {
        let mut text = String::new();
        while text.len() < PIECE
            && let Some(name) = names.next()
        {
            write(&mut text, &name);
        }
        (!text.is_empty()).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(list: &ListPage, format: Format) -> String {
        list.clone().pieces(format, String::new()).collect()
    }

    fn list(names: &[(&str, &[&str])]) -> ListPage {
        let index = |name: &str| name.parse::<IndexName>().unwrap();
        let bases: Vec<_> = names[1..].iter().map(|(name, _)| index(name)).collect();
        let indexes = names.iter().enumerate().map(|(place, (name, names))| {
            let bases = if place == 0 { bases.clone() } else { Vec::new() };
            (index(name), bases, Arc::new(Names::collect(*names)))
        });
        let serials = HashMap::from([("b".to_owned(), Serial(7))]);
        ListPage { index: index(names[0].0), indexes: indexes.collect(), serial: Serial(9), serials }
    }

    #[test]
    fn a_list_names_each_project_once() {
        let list = list(&[("alice/dev", &["b"]), ("root/base", &["a", "b"])]);
        let json = text(&list, Format::Json);
        let expected = r#"{"meta":{"api-version":"1.4","_last-serial":9},"projects":[{"name":"a"},{"name":"b","_last-serial":7}]}"#;
        assert_eq!(json, expected);
        insta::assert_snapshot!(text(&list, Format::Html));
    }

    #[test]
    fn names_stand_in_json_as_serde_would_write_them() {
        for names in [&[][..], &["a", "b"]] {
            let text: String = json_texts(Arc::new(Names::collect(names)), "").collect();
            assert_eq!(text, format!("{:#}", serde_json::json!(names)));
        }
    }

    #[test]
    fn a_long_list_comes_in_pieces_and_loses_no_name() {
        let names: Vec<String> = (0..20_000).map(|number| format!("project-{number:05}")).collect();
        let many: Vec<&str> = names.iter().map(String::as_str).collect();
        let list = list(&[("a/a", &["zz"]), ("a/b", &many), ("a/c", &many[..100])]);
        assert!(list.clone().pieces(Format::Json, String::new()).all(|piece| piece.len() < 2 * PIECE));
        let json: serde_json::Value = serde_json::from_str(&text(&list, Format::Json)).unwrap();
        assert_eq!(json["projects"].as_array().unwrap().len(), 20_001);
        assert_eq!(text(&list, Format::Html).matches("<a href").count(), 20_001);
    }
}
