//! Pages in JSON (PEP 691, PEP 700).

use super::super::form::{check_version, shorten};
use super::{MOST_LINKS, RawFile, RawPage, core_metadata, status, too_many};
use crate::model::{link::CoreMetadata, page::Status};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use std::fmt;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use url::Url;

pub(super) fn read(body: &[u8], url: &Url) -> Result<RawPage, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let page = Page(url).deserialize(&mut deserializer).and_then(|page| {
        deserializer.end()?;
        Ok(page)
    });
    page.map_err(|error| shorten(&error.to_string()))
}

/// Reads the object; each file by itself, so that no tree of a large page is built.
struct Page<'a>(&'a Url);

impl<'de> DeserializeSeed<'de> for Page<'_> {
    type Value = RawPage;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawPage, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Page<'_> {
    type Value = RawPage;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with files")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPage, A::Error> {
        let (mut version, mut files, mut status) = (None, None, Status::default());
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "meta" => version = check_version(&map.next_value()?),
                "files" => files = Some(map.next_value_seed(Files(self.0))?),
                "project-status" => status = status_of(&map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        version
            .unwrap_or_else(|| Err("it states no api-version".into()))
            .map_err(|reason| A::Error::custom(&reason))?;
        let files = files.ok_or_else(|| A::Error::custom("it has no files"))?;
        Ok(RawPage { status, files, asks_people: false })
    }
}

struct Files<'a>(&'a Url);

impl<'de> DeserializeSeed<'de> for Files<'_> {
    type Value = Vec<RawFile>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<RawFile>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Files<'_> {
    type Value = Vec<RawFile>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<RawFile>, A::Error> {
        let mut files = Vec::new();
        while let Some(value) = list.next_element::<Value>()? {
            files.extend(file(&value, self.0));
            if files.len() > MOST_LINKS {
                return Err(A::Error::custom(too_many()));
            }
        }
        Ok(files)
    }
}

fn file(value: &Value, page: &Url) -> Option<RawFile> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let hashes = value["hashes"].as_object();
    let hashes = hashes.into_iter().flatten();
    let metadata = ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"];
    Some(RawFile {
        filename: text("filename"),
        hashes: hashes
            .filter_map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_owned())))
            .collect(),
        size: value["size"].as_i64(),
        uploaded_at: value["upload-time"].as_str().and_then(time),
        requires_python: text("requires-python"),
        yanked: yanked(&value["yanked"]),
        core_metadata: metadata
            .iter()
            .map(|key| &value[key])
            .find(|value| !value.is_null())
            .and_then(promise),
        provenance: value["provenance"].as_str().and_then(|url| page.join(url).ok()),
        ..RawFile::at(page.join(value["url"].as_str()?).ok()?)
    })
}

/// What is true of a file that is yanked; an empty text is not (PEP 691: "a truthy value").
fn yanked(value: &Value) -> Option<String> {
    match value {
        Value::Bool(true) => Some(String::new()),
        Value::String(reason) => (!reason.is_empty()).then(|| reason.clone()),
        _ => None,
    }
}

fn promise(value: &Value) -> Option<CoreMetadata> {
    match value {
        Value::Bool(true) => Some(CoreMetadata::Promised),
        Value::Object(hashes) => Some(core_metadata(hashes.get("sha256").and_then(Value::as_str))),
        _ => None,
    }
}

/// The point of time, to the microsecond: PostgreSQL keeps no more.
fn time(text: &str) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
    let time = time.replace_nanosecond(time.microsecond() * 1000).ok()?;
    // Before it there were no files, and HTTP has no dates (RFC 9110).
    (1970..=9999).contains(&time.year()).then_some(time)
}

/// PEP 792 has an object; some indexes send its word alone.
fn status_of(value: &Value) -> Status {
    match value {
        Value::String(word) => status(Some(word), None),
        _ => status(value["status"].as_str(), value["reason"].as_str()),
    }
}
