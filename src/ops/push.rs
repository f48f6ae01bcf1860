//! Push: a release from one index to another, or to an external repository (devpi-api, Push).

use crate::{
    blobs::BlobKey,
    error::{Error, Result},
    model::{
        access::{self, Caller},
        event::{Event, EventKind},
        file::{File, log_entry},
        filename,
        index::Index,
        name::{IndexName, ProjectName},
        release::Release,
        serial::Serial,
    },
    ops::{
        resolve,
        upload::{check_open, overwrite_entry},
    },
    service::Service,
    store::{self, Change, files::NewFile, projects::Project},
};
use reqwest::{Body, Url, multipart};
use serde_json::{Map, Value, json};
use std::time::Duration;
use time::OffsetDateTime;

/// Stands in the action log for the status of a repository that did not answer (devpi).
const NO_ANSWER: i32 = -1;

/// How much of what a repository says is told, in bytes.
const LONGEST_ANSWER: usize = 4 << 10;

/// The slowest that a repository may take a file, in bytes a second.
const SLOWEST: u64 = 64 << 10;

/// What is pushed, and where to.
pub struct Push {
    pub name: ProjectName,
    /// The name as the request spells it, and the answer too.
    pub spelled: String,
    pub version: String,
    /// The rest of the body, which is read once it is known that there is something to push.
    options: Map<String, Value>,
}

enum Target {
    Index(IndexName),
    External(External),
}

/// A repository that takes the legacy upload API.
struct External {
    url: Url,
    username: String,
    password: String,
    register: bool,
}

impl Push {
    /// Reads the body of a push as far as it says what is pushed.
    ///
    /// # Errors
    /// A text that names the field and what was expected.
    pub fn parse(mut body: Map<String, Value>) -> Result<Self, String> {
        let (spelled, version) = (text(&body, "name")?, text(&body, "version")?);
        body.remove("name");
        body.remove("version");
        Ok(Self { name: ProjectName::parse(&spelled)?, spelled, version, options: body })
    }

    /// Whether release files are pushed, and not the documentation alone.
    fn with_files(&self) -> Result<bool, String> {
        match (flag(&self.options, "no_docs")?, flag(&self.options, "only_docs")?) {
            (true, true) => Err("can't use 'no_docs' and 'only_docs' together".into()),
            (_, only_docs) => Ok(!only_docs),
        }
    }

    fn target(&self) -> Result<Target, String> {
        let options = &self.options;
        let mut known = vec!["no_docs", "only_docs"];
        let is_internal = options.contains_key("targetindex");
        if is_internal {
            known.push("targetindex");
        } else if options.contains_key("posturl") {
            known.extend(["posturl", "username", "password", "register_project"]);
        } else {
            return Err("either 'targetindex' or 'posturl' is needed".into());
        }
        let mut unknown: Vec<&str> =
            options.keys().map(String::as_str).filter(|key| !known.contains(key)).collect();
        if !unknown.is_empty() {
            unknown.sort_unstable();
            return Err(format!("unknown additional options: {}", unknown.join(", ")));
        }
        if is_internal {
            let target = text(options, "targetindex")?;
            let target = target.split_once('/').and_then(|(user, index)| IndexName::parse(user, index).ok());
            return target.map(Target::Index).ok_or("targetindex not in format user/index".into());
        }
        let url = Url::parse(&text(options, "posturl")?).ok();
        let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
        Ok(Target::External(External {
            url: url.ok_or("'posturl' must be a URL that begins with http:// or https://")?,
            username: text(options, "username")?,
            password: text(options, "password")?,
            register: flag(options, "register_project")?,
        }))
    }
}

fn text(body: &Map<String, Value>, key: &str) -> Result<String, String> {
    match body.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(format!("'{key}' must be a text that is not empty")),
        None => Err(format!("'{key}' is missing")),
    }
}

fn flag(body: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match body.get(key) {
        None | Some(Value::Bool(false) | Value::Null) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(_) => Err(format!("'{key}' must be true or false")),
    }
}

/// Pushes a release of exactly this index; returns devpi's action log and whether all went well.
///
/// To another index no bytes move: the new rows name the same content.
///
/// # Errors
/// [`Error::Invalid`] when the version is not on the index, [`Error::NotFound`] when it has no files; for an index as
/// target [`Error::NoSuchIndex`], [`Error::Unauthorized`], [`Error::FileExists`].
pub async fn push(
    service: &Service,
    caller: &Caller,
    source: &IndexName,
    push: &Push,
) -> Result<(Vec<Value>, bool)> {
    let source = resolve::readable(service, caller, source).await?;
    let (release, mut files) = service.bounded(release_of(service, &source, push)).await?;
    files.sort_by(|a, b| a.filename.cmp(&b.filename));
    match push.target().map_err(Error::Invalid)? {
        Target::Index(target) => {
            let pushed = to_index(service, caller, &source, &target, push, &release, &files);
            Ok((service.bounded(pushed).await?, true))
        }
        // Whoever can read could else let this server talk to any other, and hear what that says.
        Target::External(_) if caller.user.is_none() => {
            Err(Error::Unauthorized("only a user may push to another repository".into()))
        }
        Target::External(target) => to_repository(service, &target, push, &release, &files).await,
    }
}

async fn release_of(service: &Service, source: &Index, push: &Push) -> Result<(Release, Vec<File>)> {
    let Push { name, spelled, version, .. } = push;
    let db = service.db().await?;
    let mut releases = store::releases::of_project(&db, &[source.id], name, Some(version)).await?;
    let Some((_, release)) = releases.pop() else {
        return Err(Error::Invalid(format!(
            "there are no files for {spelled} {version} on stage {}",
            source.name
        )));
    };
    let with_files = push.with_files().map_err(Error::Invalid)?;
    let files = store::files::of_project(&db, &[source.id], name, Some(version), Serial::NOW).await?;
    let files: Vec<File> = files.into_iter().map(|(_, file)| file).collect();
    if files.is_empty() || !with_files {
        return Err(Error::NotFound(format!("no release/files found for {spelled} {version}")));
    }
    Ok((release, files))
}

async fn to_index(
    service: &Service,
    caller: &Caller,
    source: &Index,
    target: &IndexName,
    push: &Push,
    release: &Release,
    files: &[File],
) -> Result<Vec<Value>> {
    let mut connection = service.db().await?;
    let mut change = store::change(&service.db, &mut connection, caller.name()).await?;
    let target = store::indexes::share(&mut change, target).await?;
    if !access::may_upload(caller, &target) {
        let who = caller.name().map_or_else(|| "None".to_owned(), |name| format!("'{name}'"));
        return Err(Error::Unauthorized(format!("user {who} cannot upload to '{}'", target.name)));
    }
    let project = store::projects::ensure(&mut change, &target, &push.name).await?;
    check_open(&push.name, &store::projects::status(&mut change, &project).await?)?;
    let mut log = vec![json!([200, "register", push.spelled, push.version, "->", target.name.to_string()])];
    let known = store::releases::find(&*change, project.id, &push.version).await?;
    let mut metadata = known.map_or_else(Map::new, |known| known.metadata);
    metadata.extend(release.metadata.clone());
    if store::releases::put(&mut change, &project, &push.version, &metadata).await? {
        change.log(Event::release(EventKind::ReleaseRegister, &target.name, &push.name, &push.version));
    }
    for file in files {
        copy(&mut change, caller, source, &target, &project, file).await?;
        log.push(json!([200, "store_releasefile", format!("{}/{}", target.name, file.entry_path())]));
    }
    change.commit().await?;
    Ok(log)
}

/// Records a file of one index on another, with its upload time and its log.
async fn copy(
    change: &mut Change<'_>,
    caller: &Caller,
    source: &Index,
    target: &Index,
    project: &Project,
    file: &File,
) -> Result<()> {
    let now = OffsetDateTime::now_utc();
    let carried = file.log.as_array().into_iter().flatten().filter(|entry| entry["what"] != "overwrite");
    let mut log: Vec<Value> = carried.cloned().collect();
    log.push(log_entry("push", caller.name(), now, &[("src", &source.name), ("dst", &target.name)]));
    if let Some(before) = store::files::named(&**change, target, &file.filename).await? {
        if !target.volatile {
            return Err(Error::FileExists(file.filename.clone()));
        }
        if before.sha256 == file.sha256 && before.yanked == file.yanked {
            return Ok(());
        }
        store::files::delete(change, &before).await?;
        log.insert(0, overwrite_entry(&before, now));
    }
    store::blobs::touch(change, &file.sha256).await?;
    let new = NewFile {
        version: &file.version,
        filename: &file.filename,
        sha256: &file.sha256,
        metadata_sha256: file.metadata_sha256.as_deref(),
        requires_python: file.requires_python.as_deref(),
        yanked: file.yanked.as_deref(),
        uploaded_at: file.uploaded_at,
        log: &Value::Array(log),
    };
    if !store::files::insert(change, target, project, &new).await? {
        return Err(Error::FileExists(file.filename.clone()));
    }
    let event = Event::release(EventKind::FilePush, &target.name, &project.name, &file.version);
    change.log(event.with_file(&file.filename).with_detail(json!({"from": source.name.to_string()})));
    Ok(())
}

async fn to_repository(
    service: &Service,
    target: &External,
    push: &Push,
    release: &Release,
    files: &[File],
) -> Result<(Vec<Value>, bool)> {
    let mut log = Vec::new();
    let mut status = 0;
    if target.register {
        let form = metadata_form(release).text(":action", "submit");
        let (answer, text) = post(service, target, form, 0).await;
        status = answer;
        let mut entry = json!([status, "register", push.spelled, push.version]);
        if ![200, 201, 410].contains(&status) {
            if let (Value::Array(entry), Some(text)) = (&mut entry, text) {
                entry.push(text.into());
            }
            return Ok((vec![entry], false));
        }
        log.push(entry);
    }
    for file in files {
        let (answer, text) = match file_form(service, release, file).await {
            Ok(form) => post(service, target, form, file.size.unsigned_abs()).await,
            Err(error) => return Err(error),
        };
        status = answer;
        let text = if [200, 201].contains(&status) { String::new() } else { text.unwrap_or_default() };
        log.push(json!([status, "upload", file.path(), text]));
        // What is refused may be there already, and the rest still missing; without an answer nothing more will come.
        if status == NO_ANSWER {
            break;
        }
    }
    Ok((log, [200, 201].contains(&status)))
}

/// The fields of version data as an upload form has them.
fn metadata_form(release: &Release) -> multipart::Form {
    let mut form = multipart::Form::new().text("protocol_version", "1");
    for (key, value) in &release.metadata {
        let key = if key == "provides_extras" { "provides_extra" } else { key }.to_owned();
        match value {
            Value::String(text) if !text.is_empty() => form = form.text(key, text.clone()),
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_str) {
                    form = form.text(key.clone(), item.to_owned());
                }
            }
            _ => {}
        }
    }
    form
}

async fn file_form(service: &Service, release: &Release, file: &File) -> Result<multipart::Form> {
    let (pyversion, filetype) = filename::pyversion_and_filetype(&file.filename);
    let content = service.blobs.get(&BlobKey::Content(file.sha256.clone()), None).await?;
    let content = tokio_util::io::ReaderStream::new(content.into_async_read());
    let content = multipart::Part::stream_with_length(Body::wrap_stream(content), file.size.unsigned_abs());
    Ok(metadata_form(release)
        .text(":action", "file_upload")
        .text("pyversion", pyversion)
        .text("filetype", filetype)
        .text("sha256_digest", file.sha256.clone())
        .part("content", content.file_name(file.filename.clone())))
}

/// Posts a form; the status, or [`NO_ANSWER`], and what the repository had to say: in its body, or else its status line.
async fn post(
    service: &Service,
    target: &External,
    form: multipart::Form,
    size: u64,
) -> (i32, Option<String>) {
    let patience = Duration::from_secs(60 + size / SLOWEST);
    let request = service
        .client
        .post(target.url.clone())
        .timeout(patience)
        .basic_auth(&target.username, Some(&target.password));
    match request.multipart(form).send().await {
        Ok(mut answer) => {
            let status = i32::from(answer.status().as_u16());
            let mut body = Vec::new();
            while body.len() < LONGEST_ANSWER
                && let Ok(Some(chunk)) = answer.chunk().await
            {
                body.extend_from_slice(&chunk);
            }
            body.truncate(LONGEST_ANSWER);
            if !body.is_empty() {
                return (status, Some(String::from_utf8_lossy(&body).into_owned()));
            }
            let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>();
            let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
            (status, reason.or_else(|| answer.status().canonical_reason().map(str::to_owned)))
        }
        Err(error) => {
            tracing::warn!(error = %error.without_url(), "a push to an external repository failed");
            (NO_ANSWER, Some("exception on connection to the repository".into()))
        }
    }
}
