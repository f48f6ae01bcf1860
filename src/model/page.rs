//! Simple pages: their data and how they are written (PEP 503, 592, 629, 658, 691, 700, 714, 792).

use super::{
    file::File,
    link::{CoreMetadata, Link},
    name::{IndexName, ProjectName},
    resolution::View,
    serial::Serial,
    version,
};
use minijinja::{Environment, Output, State, context, escape_formatter, syntax::SyntaxConfig};
use serde::Serialize;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};
use time::{OffsetDateTime, macros::format_description};

/// The version of the Simple API that the pages follow.
pub(super) const API_VERSION: &str = "1.4";

/// In which form a simple page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Html,
    /// The same HTML under its newer name.
    HtmlV1,
    Json,
    /// No form of the Simple API, but of the same page: PyPI's JSON API, see [`super::pypi_json`].
    PypiJson,
}

impl Format {
    /// Those of the Simple API, in the order that decides between equal wishes of a client.
    pub const ALL: [Self; 3] = [Self::Html, Self::HtmlV1, Self::Json];

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html",
            Self::HtmlV1 => "application/vnd.pypi.simple.v1+html",
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::PypiJson => "application/json",
        }
    }

    /// The name of whatever version is the latest (PEP 691, Version + Format Selection).
    pub fn latest_media_type(self) -> Option<&'static str> {
        match self {
            Self::Html | Self::PypiJson => None,
            Self::HtmlV1 => Some("application/vnd.pypi.simple.latest+html"),
            Self::Json => Some("application/vnd.pypi.simple.latest+json"),
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
    pub fn list_prefix(&self, view: View) -> String {
        if *self == Self::Up(0) { format!("{}/", view.segment()) } else { String::new() }
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
    /// Where it is below its index, percent-encoded: `+f/…/name`.
    pub path: String,
    /// Hex digests by algorithm, as far as they are known.
    pub hashes: BTreeMap<String, String>,
    /// In bytes; `None`: not known yet.
    pub size: Option<i64>,
    /// `None`: not known.
    pub uploaded_at: Option<OffsetDateTime>,
    pub requires_python: Option<String>,
    pub core_metadata: Option<CoreMetadata>,
    /// The reason, may be empty; `None`: not yanked.
    pub yanked: Option<String>,
    /// URL of the attestations (PEP 740).
    pub provenance: Option<String>,
}

impl PageFile {
    /// A file of a stage.
    pub fn of_stage(file: &File) -> Self {
        Self {
            index: file.index.clone(),
            version: file.version.clone(),
            filename: file.filename.clone(),
            path: file.entry_url_path(),
            hashes: BTreeMap::from([("sha256".to_owned(), file.sha256.clone())]),
            size: Some(file.size),
            uploaded_at: Some(file.uploaded_at),
            requires_python: file.requires_python.clone(),
            core_metadata: file.metadata_sha256.clone().map(CoreMetadata::Sha256),
            yanked: file.yanked.clone(),
            provenance: None,
        }
    }

    /// A link of a mirror.
    pub fn of_mirror(index: &IndexName, link: &Link) -> Self {
        Self {
            index: index.clone(),
            version: link.version.clone(),
            filename: link.filename.clone(),
            path: link.url_path(),
            hashes: link.hashes.clone(),
            size: link.size,
            uploaded_at: link.uploaded_at,
            requires_python: link.requires_python.clone(),
            core_metadata: link.offered_metadata(),
            yanked: link.yanked.clone(),
            provenance: link.provenance.clone(),
        }
    }

    /// What stands behind `#`: one digest, sha256 where it is known.
    fn fragment(&self) -> String {
        let digest = self.hashes.get_key_value("sha256").or_else(|| self.hashes.first_key_value());
        digest.map(|(name, digest)| format!("#{name}={digest}")).unwrap_or_default()
    }
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
    /// The last change of what the page depends on.
    pub serial: Serial,
    pub status: Status,
    /// Versions of releases, with or without files.
    pub versions: Vec<String>,
    /// In resolution order; of equal file names the first counts.
    pub files: Vec<PageFile>,
    /// A mirror that is kept out because the project is private.
    pub blocked: Option<IndexName>,
    /// What people may do where a mirror takes part: the label of the button.
    pub refresh: Option<&'static str>,
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
        let Self { index, project, serial, status, versions, files, blocked, refresh } = self;
        let url = |file: &PageFile| base.link(&index, &file.index, &file.path);
        if format == Format::Json {
            let files = files.iter().map(|file| JsonFile::new(file, url(file))).collect();
            return Ok(json(&JsonProject {
                meta: Meta { api_version: API_VERSION, last_serial: serial.0 },
                project_status: &status,
                name: project.as_str(),
                versions: &versions,
                files,
            }));
        }
        let files = files.into_iter().map(|file| {
            context! {
                index => file.index.to_string(),
                url => format!("{}{}", url(&file), file.fragment()),
                filename => file.filename,
                requires_python => file.requires_python,
                core_metadata => file.core_metadata.as_ref().map(|offered| match offered {
                    CoreMetadata::Promised => "true".to_owned(),
                    CoreMetadata::Sha256(digest) => format!("sha256={digest}"),
                }),
                yanked => file.yanked,
                provenance => file.provenance,
            }
        });
        let page = context! {
            title => format!("{index}: links for {project}"),
            status => context! { status => status.status, reason => status.reason },
            files => files.collect::<Vec<_>>(),
            blocked => blocked.map(|mirror| mirror.to_string()),
            refresh => refresh.map(|label| context! {
                label,
                url => base.link(&index, &index, &format!("+simple/{project}/refresh")),
            }),
        };
        html("project.html", page)
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
        // A template of ours that does not parse shows at its first use, with its name and line.
        let _ = environment.add_template("project.html", include_str!("page/project.html"));
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
    Ok(out.write_str(&escaped(text))?)
}

/// A text as it stands in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Meta {
    api_version: &'static str,
    /// No standard has it, but PyPI, and mirroring tools go by it.
    #[serde(rename = "_last-serial")]
    last_serial: i64,
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

/// Core metadata as both JSON forms tell of them.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum JsonMetadata<'a> {
    Promised(bool),
    Digest { sha256: &'a str },
}

impl<'a> From<&'a CoreMetadata> for JsonMetadata<'a> {
    fn from(offered: &'a CoreMetadata) -> Self {
        match offered {
            CoreMetadata::Promised => Self::Promised(true),
            CoreMetadata::Sha256(sha256) => Self::Digest { sha256 },
        }
    }
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
    hashes: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<JsonMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yanked: Option<Yanked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<&'a str>,
}

impl<'a> JsonFile<'a> {
    fn new(file: &'a PageFile, url: String) -> Self {
        Self {
            filename: &file.filename,
            url,
            hashes: &file.hashes,
            size: file.size,
            upload_time: file.uploaded_at.map(upload_time),
            requires_python: file.requires_python.as_deref(),
            core_metadata: file.core_metadata.as_ref().map(JsonMetadata::from),
            yanked: file.yanked.as_deref().map(|reason| match reason {
                "" => Yanked::Flag(true),
                reason => Yanked::Reason(reason),
            }),
            provenance: file.provenance.as_deref(),
        }
    }
}

/// PEP 700: ISO 8601 in UTC with at most six digits of a second.
pub(super) fn upload_time(at: OffsetDateTime) -> String {
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
            path: format!("+f/abc/0123456789abc/{filename}"),
            hashes: BTreeMap::from([("sha256".into(), "abc0123456789abcdef".into())]),
            size: Some(7),
            uploaded_at: Some(OffsetDateTime::UNIX_EPOCH),
            requires_python: Some(">=3.8,<4".into()),
            core_metadata: Some(CoreMetadata::Sha256("9f".into())),
            provenance: None,
            yanked: Some("bad \"<quote>\"".into()),
        }
    }

    fn page() -> ProjectPage {
        let mut page = ProjectPage {
            index: "alice/dev".parse().unwrap(),
            project: ProjectName::parse("foo").unwrap(),
            serial: Serial(3),
            status: Status::default(),
            versions: vec!["2.0".into(), "10.0".into(), "2.0.0".into()],
            files: vec![
                file("alice/dev", "2.0", "foo-2.0.tar.gz"),
                file("root/base", "10.0", "foo-10.0+x.tar.gz"),
                file("root/base", "2.0", "foo-2.0.tar.gz"),
            ],
            blocked: None,
            refresh: None,
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
}
