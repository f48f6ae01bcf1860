//! What the body of a push asks for.

use super::repository::External;
use crate::model::name::{IndexName, ProjectName};
use reqwest::Url;
use serde_json::{Map, Value};

/// Most items of a list.
const MOST: usize = 1000;

pub enum Asked {
    One(Push),
    Many(Vec<Item>),
}

/// A push of one release.
pub struct Push {
    pub(super) wanted: Wanted,
    /// The rest of the body, which is read once it is known that there is something to push.
    pub(super) options: Options,
}

/// A release that is to be pushed.
#[derive(Clone)]
pub(super) struct Wanted {
    pub name: ProjectName,
    /// The name as the request spells it, and the answer too.
    pub spelled: String,
    pub version: String,
}

/// One of many pushes: a release, or all of a project.
pub struct Item {
    pub(super) name: ProjectName,
    pub(super) spelled: String,
    pub(super) version: Option<String>,
    pub(super) parts: Parts,
    pub(super) target: Target,
}

/// What is pushed of a release: its files with their tox results, its documentation.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub files: bool,
    pub documentation: bool,
}

/// All of a body but what is pushed.
pub(super) struct Options(Map<String, Value>);

pub(super) enum Target {
    Index(IndexName),
    External(External),
}

/// Reads a body: one release, a list, or a project without a version, which stands for all its releases.
///
/// # Errors
/// A text that names the field and what was expected.
pub fn parse(body: Value) -> Result<Asked, String> {
    match body {
        Value::Object(body) if body.contains_key("name") && !body.contains_key("version") => {
            Ok(Asked::Many(vec![Item::parse(body)?]))
        }
        Value::Object(body) => Ok(Asked::One(Push::parse(body)?)),
        Value::Array(list) if (1..=MOST).contains(&list.len()) => {
            let items = list.into_iter().enumerate().map(|(place, item)| {
                let item = match item {
                    Value::Object(item) => Item::parse(item),
                    _ => Err("expected a JSON object".into()),
                };
                item.map_err(|error| format!("item {} of the list: {error}", place + 1))
            });
            Ok(Asked::Many(items.collect::<Result<_, _>>()?))
        }
        Value::Array(list) => Err(format!("expected a list of 1 to {MOST} pushes, not of {}", list.len())),
        _ => Err("Bad request: expected a JSON object or a list of them".into()),
    }
}

impl Push {
    fn parse(mut body: Map<String, Value>) -> Result<Self, String> {
        let (spelled, version) = (text(&body, "name")?, text(&body, "version")?);
        body.remove("name");
        body.remove("version");
        let wanted = Wanted { name: ProjectName::parse(&spelled)?, spelled, version };
        Ok(Self { wanted, options: Options(body) })
    }
}

impl Item {
    fn parse(mut body: Map<String, Value>) -> Result<Self, String> {
        let spelled = text(&body, "name")?;
        let version = body.contains_key("version").then(|| text(&body, "version")).transpose()?;
        body.remove("name");
        body.remove("version");
        let options = Options(body);
        Ok(Self {
            name: ProjectName::parse(&spelled)?,
            spelled,
            version,
            parts: options.parts()?,
            target: options.target()?,
        })
    }
}

impl Options {
    pub(super) fn parts(&self) -> Result<Parts, String> {
        match (flag(&self.0, "no_docs")?, flag(&self.0, "only_docs")?) {
            (true, true) => Err("can't use 'no_docs' and 'only_docs' together".into()),
            (no_docs, only_docs) => Ok(Parts { files: !only_docs, documentation: !no_docs }),
        }
    }

    pub(super) fn target(&self) -> Result<Target, String> {
        let options = &self.0;
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
