//! Simple pages: their data and how they are written (PEP 503, 592, 629, 658, 691, 700, 714, 792).

use super::{
    name::{IndexName, ProjectName, encode},
    version,
};
use minijinja::{Environment, Output, State, context, escape_formatter, syntax::SyntaxConfig};
use serde::Serialize;
use std::{cmp::Reverse, collections::HashSet, fmt::Write, sync::LazyLock};
use time::{OffsetDateTime, macros::format_description};

/// The version of the Simple API that the pages follow.
const API_VERSION: &str = "1.4";

/// In which form a simple page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Html,
    /// The same HTML under its newer name.
    HtmlV1,
    Json,
}

impl Format {
    /// All of them, in the order that decides between equal wishes of a client.
    pub const ALL: [Self; 3] = [Self::Html, Self::HtmlV1, Self::Json];

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::HtmlV1 => "application/vnd.pypi.simple.v1+html",
            Self::Json => "application/vnd.pypi.simple.v1+json",
        }
    }
}

/// How the links of a page find the index that the page belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Base {
    /// Relative to the page: this many steps up to `/user/index/` (devpi links so, and any path prefix survives).
    Up(usize),
    /// Absolute, below the outside URL of the server, which has no final slash.
    Absolute(String),
}

impl Base {
    /// What leads from a project list to the project pages below it; only lists without a final slash need any.
    pub fn list_prefix(&self) -> &'static str {
        if *self == Self::Up(0) { "+simple/" } else { "" }
    }

    /// The URL of `path` on `target`, on a page of `page`.
    fn link(&self, page: &IndexName, target: &IndexName, path: &str) -> String {
        match self {
            Self::Up(steps) if page == target => format!("{}{path}", "../".repeat(*steps)),
            Self::Up(steps) => format!("{}../../{}/{path}", "../".repeat(*steps), target.url_path()),
            Self::Absolute(root) => format!("{root}/{}/{path}", target.url_path()),
        }
    }
}

/// One file on a page.
#[derive(Debug, Clone)]
pub struct PageFile {
    pub index: IndexName,
    pub version: String,
    pub filename: String,
    /// Hex digest.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
    pub uploaded_at: OffsetDateTime,
    pub requires_python: Option<String>,
    /// Hex digest of the core metadata.
    pub metadata_sha256: Option<String>,
    /// The reason, may be empty; `None`: not yanked.
    pub yanked: Option<String>,
}

/// The status of a project (PEP 792).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Status {
    /// The words that a status may be.
    pub const ALL: [&str; 4] = ["active", "archived", "deprecated", "quarantined"];

    pub fn is_quarantined(&self) -> bool {
        self.status == "quarantined"
    }

    /// Whether the project takes no uploads.
    pub fn is_closed(&self) -> bool {
        self.is_quarantined() || self.status == "archived"
    }
}

impl Default for Status {
    fn default() -> Self {
        Self { status: "active".into(), reason: None }
    }
}

/// The simple page of one project on one index, its bases included.
#[derive(Debug, Clone)]
pub struct ProjectPage {
    pub index: IndexName,
    pub project: ProjectName,
    pub status: Status,
    /// Versions of releases, with or without files.
    pub versions: Vec<String>,
    /// In resolution order; of equal file names the first counts.
    pub files: Vec<PageFile>,
}

impl ProjectPage {
    /// Leaves of each file name the first, then sorts: newest version first, then by name.
    pub fn arrange(&mut self) {
        let mut seen = HashSet::new();
        self.files.retain(|file| seen.insert(file.filename.clone()));
        self.files
            .sort_by_cached_key(|file| (Reverse(version::sort_key(&file.version)), file.filename.clone()));
        self.versions.sort_by_cached_key(|text| version::sort_key(text));
        self.versions.dedup_by(|a, b| version::sort_key(a) == version::sort_key(b));
    }

    /// Writes the page; `base` says how its links begin.
    pub fn render(self, format: Format, base: &Base) -> Result<Vec<u8>, minijinja::Error> {
        let Self { index, project, status, versions, files } = self;
        let url = |file: &PageFile| {
            let (first, next) = (&file.sha256[..3], &file.sha256[3..16]);
            base.link(&index, &file.index, &format!("+f/{first}/{next}/{}", encode(&file.filename)))
        };
        if format == Format::Json {
            let files = files.iter().map(|file| JsonFile::new(file, url(file))).collect();
            return Ok(json(&JsonProject {
                meta: Meta::default(),
                project_status: &status,
                name: project.as_str(),
                versions: &versions,
                files,
            }));
        }
        let files = files.into_iter().map(|file| {
            context! {
                index => file.index.to_string(),
                url => format!("{}#sha256={}", url(&file), file.sha256),
                filename => file.filename,
                requires_python => file.requires_python,
                metadata_sha256 => file.metadata_sha256,
                yanked => file.yanked,
            }
        });
        let page = context! {
            title => format!("{index}: links for {project}"),
            status => context! { status => status.status, reason => status.reason },
            files => files.collect::<Vec<_>>(),
        };
        html("project.html", page)
    }
}

/// The list of the projects of one index, its bases included.
#[derive(Debug, Clone)]
pub struct ListPage {
    pub index: IndexName,
    /// Each index in resolution order with its bases and the names of its own projects, sorted.
    pub indexes: Vec<(IndexName, Vec<IndexName>, Vec<String>)>,
}

impl ListPage {
    /// Writes the list; `prefix` leads from the page to the place of the project pages, it is empty or ends in `/`.
    pub fn render(&self, format: Format, prefix: &str) -> Result<Vec<u8>, minijinja::Error> {
        let mut seen = HashSet::new();
        let mut own = |names: &'_ [String]| -> Vec<String> {
            names.iter().filter(|name| seen.insert((*name).clone())).cloned().collect()
        };
        if format == Format::Json {
            let mut names: Vec<_> = self.indexes.iter().flat_map(|(.., names)| own(names)).collect();
            names.sort();
            let projects = names.into_iter().map(|name| JsonName { name }).collect();
            return Ok(json(&JsonList { meta: Meta::default(), projects }));
        }
        let indexes: Vec<_> = self
            .indexes
            .iter()
            .map(|(index, bases, names)| {
                let bases: Vec<_> = bases.iter().map(ToString::to_string).collect();
                let heading = match bases.is_empty() {
                    true => index.to_string(),
                    false => format!("{index} (bases: {})", bases.join(",")),
                };
                context! { heading, names => own(names) }
            })
            .collect();
        html(
            "list.html",
            context! { title => format!("{}: simple list (including inherited indices)", self.index), indexes, prefix },
        )
    }
}

fn json(page: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(page).unwrap_or_default()
}

fn html(template: &str, page: minijinja::Value) -> Result<Vec<u8>, minijinja::Error> {
    static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut environment = Environment::new();
        environment.set_formatter(format_html);
        environment.set_syntax(
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default(),
        );
        for (name, source) in [
            ("project.html", include_str!("page/project.html")),
            ("list.html", include_str!("page/list.html")),
        ] {
            // A template of ours that does not parse shows at its first use, with its name and line.
            let _ = environment.add_template(name, source);
        }
        environment
    });
    let page = context! { api_version => API_VERSION, ..page };
    Ok(TEMPLATES.get_template(template)?.render(page)?.into_bytes())
}

/// Escapes what HTML needs and no more: simple scrapers read `href` without decoding, so a `/` stays one.
fn format_html(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &minijinja::Value,
) -> Result<(), minijinja::Error> {
    let Some(text) = value.as_str().filter(|_| !value.is_safe()) else {
        return escape_formatter(out, state, value);
    };
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Meta {
    api_version: &'static str,
}

impl Default for Meta {
    fn default() -> Self {
        Self { api_version: API_VERSION }
    }
}

#[derive(Serialize)]
struct JsonName {
    name: String,
}

#[derive(Serialize)]
struct JsonList {
    meta: Meta,
    projects: Vec<JsonName>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct JsonProject<'a> {
    meta: Meta,
    project_status: &'a Status,
    name: &'a str,
    versions: &'a [String],
    files: Vec<JsonFile<'a>>,
}

#[derive(Serialize)]
struct Sha256<'a> {
    sha256: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Yanked<'a> {
    Flag(bool),
    Reason(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct JsonFile<'a> {
    filename: &'a str,
    url: String,
    hashes: Sha256<'a>,
    size: i64,
    upload_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<Sha256<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yanked: Option<Yanked<'a>>,
}

impl<'a> JsonFile<'a> {
    fn new(file: &'a PageFile, url: String) -> Self {
        Self {
            filename: &file.filename,
            url,
            hashes: Sha256 { sha256: &file.sha256 },
            size: file.size,
            upload_time: upload_time(file.uploaded_at),
            requires_python: file.requires_python.as_deref(),
            core_metadata: file.metadata_sha256.as_deref().map(|sha256| Sha256 { sha256 }),
            yanked: file.yanked.as_deref().map(|reason| match reason {
                "" => Yanked::Flag(true),
                reason => Yanked::Reason(reason),
            }),
        }
    }
}

/// PEP 700: ISO 8601 in UTC with at most six digits of a second.
fn upload_time(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn file(index: &str, version: &str, filename: &str) -> PageFile {
        PageFile {
            index: index.parse().unwrap(),
            version: version.into(),
            filename: filename.into(),
            sha256: "abc0123456789abcdef".into(),
            size: 7,
            uploaded_at: OffsetDateTime::UNIX_EPOCH,
            requires_python: Some(">=3.8,<4".into()),
            metadata_sha256: Some("9f".into()),
            yanked: Some("bad \"<quote>\"".into()),
        }
    }

    fn page() -> ProjectPage {
        let mut page = ProjectPage {
            index: "alice/dev".parse().unwrap(),
            project: ProjectName::parse("foo").unwrap(),
            status: Status::default(),
            versions: vec!["2.0".into(), "10.0".into(), "2.0.0".into()],
            files: vec![
                file("alice/dev", "2.0", "foo-2.0.tar.gz"),
                file("root/base", "10.0", "foo-10.0+x.tar.gz"),
                file("root/base", "2.0", "foo-2.0.tar.gz"),
            ],
        };
        page.arrange();
        page
    }

    #[test]
    fn json_holds_every_field_and_the_newest_version_first() {
        let page: Value =
            serde_json::from_slice(&page().render(Format::Json, &Base::Up(2)).unwrap()).unwrap();
        assert_eq!(page["meta"]["api-version"], "1.4");
        assert_eq!(page["versions"], serde_json::json!(["2.0", "10.0"]));
        assert_eq!(page["files"].as_array().unwrap().len(), 2);
        assert_eq!(
            page["files"][0],
            serde_json::json!({
                "filename": "foo-10.0+x.tar.gz",
                "url": "../../../../root/base/+f/abc/0123456789abc/foo-10.0+x.tar.gz",
                "hashes": {"sha256": "abc0123456789abcdef"},
                "size": 7,
                "upload-time": "1970-01-01T00:00:00.000000Z",
                "requires-python": ">=3.8,<4",
                "core-metadata": {"sha256": "9f"},
                "yanked": "bad \"<quote>\"",
            })
        );
        assert_eq!(page["files"][1]["url"], "../../+f/abc/0123456789abc/foo-2.0.tar.gz");
    }

    #[test]
    fn html_escapes_attributes_and_the_text_of_a_link_is_the_file_name() {
        let html = String::from_utf8(page().render(Format::Html, &Base::Up(2)).unwrap()).unwrap();
        insta::assert_snapshot!(html);
    }

    #[test]
    fn a_list_names_each_project_once() {
        let list = ListPage {
            index: "alice/dev".parse().unwrap(),
            indexes: vec![
                ("alice/dev".parse().unwrap(), vec!["root/base".parse().unwrap()], vec!["b".into()]),
                ("root/base".parse().unwrap(), vec![], vec!["a".into(), "b".into()]),
            ],
        };
        let json = String::from_utf8(list.render(Format::Json, "").unwrap()).unwrap();
        assert_eq!(json, r#"{"meta":{"api-version":"1.4"},"projects":[{"name":"a"},{"name":"b"}]}"#);
        let html = String::from_utf8(list.render(Format::Html, "").unwrap()).unwrap();
        insta::assert_snapshot!(html);
    }
}
