//! A distribution file on an index.

use super::{
    name::{IndexName, ProjectName, encode},
    serial::Serial,
};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// One file of a release, as of some serial.
#[derive(Debug, Clone)]
pub struct File {
    /// The row of this state of the file.
    pub id: i64,
    pub project_id: i64,
    pub index: IndexName,
    pub project: ProjectName,
    pub version: String,
    pub filename: String,
    /// Hex digest of the content.
    pub sha256: String,
    /// In bytes.
    pub size: i64,
    /// Hex digest of the core metadata that can be had at `{url}.metadata` (PEP 658).
    pub metadata_sha256: Option<String>,
    pub requires_python: Option<String>,
    /// The reason, may be empty; `None`: not yanked (PEP 592).
    pub yanked: Option<String>,
    pub uploaded_at: OffsetDateTime,
    /// devpi's log of the link: a list of objects with `what`, `who`, `when`, `dst`.
    pub log: Value,
    /// The change that opened this state of it.
    pub added: Serial,
}

impl File {
    /// The path of the file below its index: `+f/abc/0123456789abc/name` (devpi: file location).
    pub fn entry_path(&self) -> String {
        format!("{}/{}", entry(&self.sha256), self.filename)
    }

    /// The path of the file below the root: `user/index/+f/…`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.index, self.entry_path())
    }

    /// The path of the file below its index, percent-encoded for a URL.
    pub fn entry_url_path(&self) -> String {
        format!("{}/{}", entry(&self.sha256), encode(&self.filename))
    }

    /// The path of the file below the root, percent-encoded for a URL.
    fn url_path(&self) -> String {
        format!("{}/{}", self.index.url_path(), self.entry_url_path())
    }

    /// The link as it stands in `+links` of version data; `root` is the outside URL of the server.
    pub fn link(&self, root: &str) -> Value {
        json!({
            "rel": "releasefile",
            "hash_spec": format!("sha256={}", self.sha256),
            "hashes": {"sha256": self.sha256},
            "href": format!("{root}/{}", self.url_path()),
            "log": self.log,
        })
    }
}

/// The folder of content with this hex digest, of 16 digits or more (devpi: file location).
pub fn entry(digest: &str) -> String {
    format!("+f/{}/{}", &digest[..3], &digest[3..16])
}

/// The yank state that a client asks for: `{"yanked": "reason" | true | false}`.
pub fn yank_request(body: &Value) -> Result<Option<String>, String> {
    match body.get("yanked") {
        Some(Value::String(reason)) => Ok(Some(reason.clone())),
        Some(Value::Bool(true)) => Ok(Some(String::new())),
        Some(Value::Bool(false)) => Ok(None),
        _ => Err("expected {\"yanked\": true}, {\"yanked\": false} or {\"yanked\": \"the reason\"}".into()),
    }
}

/// An entry of a link's log; `at` in UTC to the second, as devpi writes it.
pub fn log_entry(what: &str, who: Option<&str>, at: OffsetDateTime, places: &[(&str, &IndexName)]) -> Value {
    let at = at.to_offset(time::UtcOffset::UTC);
    let mut entry = json!({
        "what": what,
        "who": who,
        "when": [at.year(), u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second()],
    });
    for (key, index) in places {
        entry[*key] = index.to_string().into();
    }
    entry
}

/// Who made an entry of a link's log, and when.
pub fn logged(entry: &Value) -> (Option<String>, Option<OffsetDateTime>) {
    let when = |place: usize| entry["when"][place].as_u64();
    let part = |place: usize| when(place).and_then(|part| u8::try_from(part).ok());
    let at = || {
        let year = i32::try_from(when(0)?).ok()?;
        let date = Date::from_calendar_date(year, part(1)?.try_into().ok()?, part(2)?).ok()?;
        date.with_hms(part(3)?, part(4)?, part(5)?).ok().map(PrimitiveDateTime::assume_utc)
    };
    (entry["who"].as_str().map(str::to_owned), at())
}

/// What a lookup of a file's URL found.
#[derive(Debug)]
pub enum Found {
    File(Box<File>),
    /// It was there once.
    Deleted,
    Never,
}
