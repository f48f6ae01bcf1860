//! PyPI's JSON API: what there is of a project, for tools that know PyPI (packaging standards, PyPI's JSON API).

use super::{
    filename::pyversion_and_filetype,
    page::{JsonMetadata, PageFile, ProjectPage, upload_time},
    version,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, macros::format_description};

/// What is told of a project.
pub struct Document<'a> {
    /// Arranged; the digests of its files are all that are known.
    pub page: &'a ProjectPage,
    /// What is known of the version that is shown, in devpi's fields.
    pub metadata: &'a Map<String, Value>,
    /// `None`: the project, else this release of it.
    pub version: Option<&'a str>,
    /// The outside URL of the server, without a final slash.
    pub root: &'a str,
}

/// A version with its files.
struct Release<'a> {
    version: &'a str,
    files: Vec<&'a PageFile>,
}

impl Release<'_> {
    /// The reason, where all files are yanked.
    fn yanked(&self) -> Option<&str> {
        let reasons: Option<Vec<_>> = self.files.iter().map(|file| file.yanked.as_deref()).collect();
        reasons?.first().copied()
    }
}

/// The versions of a page, oldest first, with their files.
fn releases(page: &ProjectPage) -> Vec<Release<'_>> {
    let mut releases: Vec<_> = page
        .versions
        .iter()
        .map(|text| (version::sort_key(text), Release { version: text, files: Vec::new() }))
        .collect();
    for file in &page.files {
        let key = version::sort_key(&file.version);
        if let Ok(place) = releases.binary_search_by(|(other, _)| other.cmp(&key)) {
            releases[place].1.files.push(file);
        }
    }
    releases.into_iter().map(|(_, release)| release).collect()
}

/// The release that tells of the project: the one that is wanted; else the newest that is not yanked and no pre-release,
/// else the newest that is not yanked, else the newest.
fn shown<'a, 'b>(releases: &'b [Release<'a>], wanted: Option<&str>) -> Option<&'b Release<'a>> {
    match wanted {
        Some(wanted) => releases
            .iter()
            .find(|release| release.version == wanted || version::same(release.version, wanted)),
        None => releases.iter().max_by_key(|release| {
            let is_final = version::parse(release.version).is_none_or(|it| !it.any_prerelease());
            (release.yanked().is_none(), is_final)
        }),
    }
}

/// The version whose metadata a document shows, of an arranged page; `None` when there is no such version.
pub fn shown_version<'a>(page: &'a ProjectPage, wanted: Option<&str>) -> Option<&'a str> {
    shown(&releases(page), wanted).map(|release| release.version)
}

impl Document<'_> {
    /// Writes it; `None` when there is no such version.
    pub fn render(&self) -> Option<Vec<u8>> {
        let releases = releases(self.page);
        let shown = shown(&releases, self.version)?;
        let mut document = json!({
            "info": self.info(shown),
            "last_serial": self.page.serial.0,
            "ownership": {"roles": [{"role": "Owner", "user": self.page.index.user.as_str()}], "organization": null},
            "urls": self.files(shown),
            "vulnerabilities": [],
        });
        if self.version.is_none() {
            let releases =
                releases.iter().map(|release| (release.version.to_owned(), self.files(release).into()));
            document["releases"] = Value::Object(releases.collect());
        }
        serde_json::to_vec(&document).ok()
    }

    fn info(&self, release: &Release<'_>) -> Value {
        let known = self.metadata;
        let text = |key| known.get(key).and_then(Value::as_str).unwrap_or_default();
        let some_text = |key| Some(text(key)).filter(|text| !text.is_empty());
        let some_list =
            |key| known.get(key).filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
        let url = format!("{}/{}/{}", self.root, self.page.index.url_path(), self.page.project);
        let requires_python = some_text("requires_python")
            .or_else(|| release.files.iter().find_map(|file| file.requires_python.as_deref()));
        json!({
            "author": text("author"),
            "author_email": text("author_email"),
            "bugtrack_url": null,
            "classifiers": known.get("classifiers").cloned().unwrap_or_else(|| json!([])),
            "description": text("description"),
            "description_content_type": some_text("description_content_type"),
            "docs_url": null,
            "download_url": text("download_url"),
            "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
            "dynamic": some_list("dynamic"),
            "home_page": text("home_page"),
            "keywords": text("keywords"),
            "license": some_text("license"),
            "license_expression": some_text("license_expression"),
            "license_files": some_list("license_file"),
            "maintainer": text("maintainer"),
            "maintainer_email": text("maintainer_email"),
            "name": some_text("name").unwrap_or(self.page.project.as_str()),
            "package_url": url,
            "platform": some_list("platform"),
            "project_url": url,
            "project_urls": some_list("project_urls").and_then(Value::as_array).map(|urls| project_urls(urls)),
            "provides_extra": some_list("provides_extras"),
            "release_url": format!("{url}/{}", super::name::encode(release.version)),
            "requires_dist": some_list("requires_dist"),
            "requires_python": requires_python,
            "summary": text("summary"),
            "version": release.version,
            "yanked": release.yanked().is_some(),
            "yanked_reason": release.yanked().filter(|reason| !reason.is_empty()),
        })
    }

    fn files(&self, release: &Release<'_>) -> Vec<Value> {
        release.files.iter().filter_map(|file| serde_json::to_value(self.file(file)).ok()).collect()
    }

    fn file<'f>(&self, file: &'f PageFile) -> File<'f> {
        let (python_version, packagetype) = pyversion_and_filetype(&file.filename);
        File {
            comment_text: "",
            core_metadata: file
                .core_metadata
                .as_ref()
                .map_or(JsonMetadata::Promised(false), JsonMetadata::from),
            digests: &file.hashes,
            downloads: -1,
            filename: &file.filename,
            has_sig: false,
            md5_digest: file.hashes.get("md5").map(String::as_str),
            packagetype,
            python_version,
            requires_python: file.requires_python.as_deref(),
            size: file.size,
            upload_time: file.uploaded_at.map(seconds),
            upload_time_iso_8601: file.uploaded_at.map(upload_time),
            // Below /packages/, as on PyPI: bandersnatch takes no other.
            url: format!("{}/packages/{}/{}", self.root, file.index.url_path(), file.path),
            yanked: file.yanked.is_some(),
            yanked_reason: file.yanked.as_deref().filter(|reason| !reason.is_empty()),
        }
    }
}

#[derive(Serialize)]
struct File<'a> {
    comment_text: &'static str,
    #[serde(rename = "core-metadata")]
    core_metadata: JsonMetadata<'a>,
    digests: &'a BTreeMap<String, String>,
    downloads: i64,
    filename: &'a str,
    has_sig: bool,
    md5_digest: Option<&'a str>,
    packagetype: &'static str,
    python_version: String,
    requires_python: Option<&'a str>,
    size: Option<i64>,
    upload_time: Option<String>,
    upload_time_iso_8601: Option<String>,
    url: String,
    yanked: bool,
    yanked_reason: Option<&'a str>,
}

/// `["label, url"]` as an object.
fn project_urls(urls: &[Value]) -> Map<String, Value> {
    let pairs = urls.iter().filter_map(|entry| entry.as_str()?.split_once(','));
    pairs.map(|(label, url)| (label.trim().to_owned(), url.trim().into())).collect()
}

/// In UTC without any zone, as it once was.
fn seconds(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{name::ProjectName, page::Status, serial::Serial};

    fn file(version: &str, yanked: Option<&str>) -> PageFile {
        PageFile {
            index: "alice/dev".parse().unwrap(),
            version: version.into(),
            filename: format!("foo-{version}-py3-none-any.whl"),
            path: "+f/abc/0123456789abc/foo.whl".into(),
            hashes: BTreeMap::from([("sha256".into(), "ab".into()), ("md5".into(), "cd".into())]),
            size: Some(7),
            uploaded_at: Some(OffsetDateTime::UNIX_EPOCH),
            requires_python: Some(">=3.8".into()),
            core_metadata: None,
            yanked: yanked.map(Into::into),
            provenance: None,
        }
    }

    /// The document of a project with these files, a yank reason where they have one.
    fn document(files: &[(&str, Option<&str>)], version: Option<&str>) -> Option<Value> {
        let mut page = ProjectPage {
            index: "alice/dev".parse().unwrap(),
            project: ProjectName::parse("foo").unwrap(),
            serial: Serial(9),
            status: Status::default(),
            versions: files.iter().map(|(version, _)| (*version).to_owned()).collect(),
            files: files.iter().map(|(version, yanked)| file(version, *yanked)).collect(),
            blocked: None,
            refresh: None,
        };
        page.arrange();
        let urls = json!({"summary": "A foo", "project_urls": ["Home, http://x/?a,b"], "requires_dist": []});
        let metadata = urls.as_object().unwrap();
        let document = Document { page: &page, metadata, version, root: "http://h" };
        document.render().map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn the_newest_release_is_shown_that_is_neither_yanked_nor_a_pre_release_if_there_is_one() {
        for (files, shown) in [
            (&[("1.0", None), ("2.0", None), ("10.0", Some("bad")), ("11.0a1", None)][..], "2.0"),
            (&[("1.0", Some("")), ("1.1a1", None), ("1.1a2", None)], "1.1a2"),
            (&[("1.0", Some("")), ("0.9", Some(""))], "1.0"),
        ] {
            assert_eq!(document(files, None).unwrap()["info"]["version"], shown);
        }
        assert_eq!(document(&[], None), None);
    }

    #[test]
    fn a_release_has_its_own_files_whatever_way_its_version_is_written() {
        let files = [("1.0", None), ("2.0", Some("bad"))];
        for (version, found) in [("1.0", true), ("1", true), ("2", true), ("3", false), ("", false)] {
            assert_eq!(document(&files, Some(version)).is_some(), found, "{version}");
        }
        let one = document(&files, Some("1")).unwrap();
        assert_eq!(one.get("releases"), None);
        assert_eq!(one["info"]["project_urls"], json!({"Home": "http://x/?a,b"}));
        assert_eq!((&one["info"]["summary"], &one["info"]["requires_dist"]), (&json!("A foo"), &Value::Null));
        assert_eq!(
            one["urls"],
            json!([{
                "comment_text": "",
                "core-metadata": false,
                "digests": {"md5": "cd", "sha256": "ab"},
                "downloads": -1,
                "filename": "foo-1.0-py3-none-any.whl",
                "has_sig": false,
                "md5_digest": "cd",
                "packagetype": "bdist_wheel",
                "python_version": "py3",
                "requires_python": ">=3.8",
                "size": 7,
                "upload_time": "1970-01-01T00:00:00",
                "upload_time_iso_8601": "1970-01-01T00:00:00.000000Z",
                "url": "http://h/packages/alice/dev/+f/abc/0123456789abc/foo.whl",
                "yanked": false,
                "yanked_reason": null,
            }])
        );
        let all = document(&files, None).unwrap();
        assert_eq!(all["releases"]["2.0"][0]["yanked_reason"], "bad");
        assert_eq!(all["last_serial"], 9);
    }
}
