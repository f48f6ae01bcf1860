//! What belongs to a release beside its distribution files: tox results and documentation (devpi: links of another rel).

use super::{
    file::{File, entry},
    name::{IndexName, ProjectName, encode},
    serial::Serial,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, UtcOffset, macros::format_description};

/// What an attachment is; devpi's word for it is a link's `rel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rel {
    /// The JSON that `devpi test` sends of one run of a distribution file's tests.
    ToxResult,
    /// The documentation of a release, as a zip.
    DocZip,
}

impl Rel {
    /// As it stands in `+links`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ToxResult => "toxresult",
            Self::DocZip => "doczip",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::ToxResult, Self::DocZip].into_iter().find(|rel| rel.name() == name)
    }
}

/// One attachment of a release, as of some serial.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The row of this state of it.
    pub id: i64,
    pub project_id: i64,
    pub index: IndexName,
    pub project: ProjectName,
    pub version: String,
    pub rel: Rel,
    /// The folder of its URL, `+f/abc/0123456789abc`: that of the file a tox result is about, else of its own hash.
    pub entry: String,
    pub filename: String,
    /// Name of the distribution file, in the same folder, that a tox result is about.
    pub for_filename: Option<String>,
    /// Hex digest of the content.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
    pub uploaded_at: OffsetDateTime,
    /// devpi's log of the link, as [`File::log`].
    pub log: Value,
    /// The change that opened this state of it.
    pub added: Serial,
}

impl Attachment {
    /// Whether it is a tox result about this file of the same project.
    pub fn is_about(&self, file: &File) -> bool {
        self.for_filename.as_deref() == Some(&file.filename) && self.entry == entry(&file.sha256)
    }

    /// Its path below the root: `user/index/+f/…`.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.index, self.entry, self.filename)
    }

    /// The link as it stands in `+links` of version data; `root` is the outside URL of the server.
    pub fn link(&self, root: &str) -> Value {
        let url =
            |filename: &str| format!("{root}/{}/{}/{}", self.index.url_path(), self.entry, encode(filename));
        let mut link = json!({
            "rel": self.rel.name(),
            "hash_spec": format!("sha256={}", self.sha256),
            "hashes": {"sha256": self.sha256},
            "href": url(&self.filename),
            "log": self.log,
        });
        if let Some(filename) = &self.for_filename {
            link["for_href"] = url(filename).into();
        }
        link
    }
}

/// The name of a tox result that came at this moment, after so many others about the same file.
pub fn tox_result_filename(filename: &str, at: OffsetDateTime, earlier: usize) -> String {
    let moment = format_description!("[year][month][day][hour][minute][second]");
    let at = at.to_offset(UtcOffset::UTC).format(moment).unwrap_or_default();
    format!("{filename}.toxresult-{at}-{earlier}")
}

/// The name of the documentation of a release, whatever name it was sent with.
pub fn doc_zip_filename(project: &ProjectName, version: &str) -> String {
    format!("{project}-{version}.doc.zip")
}
