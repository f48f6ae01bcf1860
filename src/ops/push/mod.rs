//! Push: a release from one index to another, or to an external repository (devpi-api, Push).

mod index;
mod repository;

use crate::{
    error::{Error, Result},
    model::{
        access::Caller,
        file::File,
        index::Index,
        name::{IndexName, ProjectName},
        release::Release,
        serial::Serial,
    },
    ops::resolve,
    service::Service,
    store,
};
use repository::External;
use reqwest::Url;
use serde_json::{Map, Value};

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
            let pushed = index::to_index(service, caller, &source, &target, push, &release, &files);
            Ok((service.bounded(pushed).await?, true))
        }
        // Whoever can read could else let this server talk to any other, and hear what that says.
        Target::External(_) if caller.user.is_none() => {
            Err(Error::Unauthorized("only a user may push to another repository".into()))
        }
        Target::External(target) => repository::to_repository(service, &target, push, &release, &files).await,
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
