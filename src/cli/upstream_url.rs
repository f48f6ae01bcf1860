//! Which index `root/pypi` mirrors: the one that is given, else the one that the machine's pip installs from.
//!
//! The URL of a public index stands nowhere in wheelyard.

use crate::model::mirror::{normal_url, without_credentials};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::{fmt, process::Stdio, time::Duration};
use tokio::process::Command;
use url::Url;

/// How long one answer of pip is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The word that means no mirror.
const NONE: &str = "none";

/// Prints pip's built-in index: the URL of its simple pages and that of its pages for people.
const BUILT_IN: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url); print(PyPI.url)";

/// What `--mirror-url` says.
pub(super) enum Wish {
    Unsaid,
    /// `none` or nothing: no mirror is wanted.
    Nothing,
    This(Upstream),
}

impl Wish {
    /// Reads the flag.
    ///
    /// # Errors
    /// A text for the operator, without the URL, which may hold a password.
    pub(super) fn parse(given: Option<&str>) -> Result<Self, String> {
        match given.map(str::trim) {
            None => Ok(Self::Unsaid),
            Some("" | NONE) => Ok(Self::Nothing),
            Some(text) => Upstream::at(text).map(Self::This).ok_or_else(|| {
                format!("--mirror-url must be a URL that begins with http:// or https://, or {NONE}")
            }),
        }
    }
}

/// An index to mirror.
pub(super) struct Upstream {
    /// May hold user and password.
    url: String,
    title: String,
    /// `mirror_web_url_fmt`, where it is known.
    web_url_fmt: Option<String>,
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(&self.url))
    }
}

impl Upstream {
    /// The index at a URL, whose title is the host.
    fn at(url: &str) -> Option<Self> {
        let url = normal_url(url)?;
        let title = Url::parse(&url).ok()?.host_str()?.to_owned();
        Some(Self { url, title, web_url_fmt: None })
    }

    /// The index that pip asks when nobody tells it another, with devpi's title.
    fn built_in(simple_url: &str, url: &str) -> Option<Self> {
        let slash = |url: &str| format!("{}/", url.trim_end_matches('/'));
        Some(Self {
            url: normal_url(&slash(simple_url))?,
            title: "PyPI".into(),
            web_url_fmt: Some(format!("{}project/{{name}}/", slash(&normal_url(url)?))),
        })
    }

    /// The index that the pip of this machine installs from; `None` when there is no pip, or it says nothing.
    pub(super) async fn of_pip() -> Option<Self> {
        let [of_python, own]: [&[&str]; 2] = [&["python3", "-m", "pip"], &["pip"]];
        for pip in [of_python, own] {
            let said = ask(&[pip, &["config", "get", "global.index-url"]].concat(), None).await;
            if let Some(upstream) = said.and_then(|said| Self::at(said.trim())) {
                return Some(upstream);
            }
        }
        if let Some(upstream) = Self::of_python("python3", None).await {
            return Some(upstream);
        }
        let version = ask(&[own, &["--version"]].concat(), None).await?;
        let (modules, python) = home(&version)?;
        Self::of_python(&python, Some(&modules)).await
    }

    /// The built-in index of the pip that a Python imports.
    async fn of_python(python: &str, modules: Option<&str>) -> Option<Self> {
        let said = ask(&[python, "-c", BUILT_IN], modules).await?;
        let mut lines = said.lines().map(str::trim);
        Self::built_in(lines.next()?, lines.next()?)
    }

    /// The options of the mirror: the keys that devpi's `root/pypi` has (devpi: `main.py`, `_pypi_ixconfig_default`).
    pub(super) fn options(&self) -> Map<String, Value> {
        let mut options = Map::from_iter([
            ("type".to_owned(), json!("mirror")),
            ("volatile".to_owned(), json!(false)),
            ("title".to_owned(), json!(self.title)),
            ("mirror_url".to_owned(), json!(self.url)),
        ]);
        if let Some(web_url_fmt) = &self.web_url_fmt {
            options.insert("mirror_web_url_fmt".to_owned(), json!(web_url_fmt));
        }
        options
    }
}

/// The folder of pip's modules and the Python it runs on, from `pip … from FOLDER/pip (python 3.12)`.
fn home(version: &str) -> Option<(String, String)> {
    let form = Regex::new(r" from (.+)[/\\]pip \(python (\d+\.\d+)\)").ok()?;
    let found = form.captures(version)?;
    Some((found[1].to_owned(), format!("python{}", &found[2])))
}

/// What a program prints; `None` when it fails or takes too long.
async fn ask(program: &[&str], modules: Option<&str>) -> Option<String> {
    let (name, arguments) = program.split_first()?;
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.envs(modules.map(|folder| ("PYTHONPATH", folder)));
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_url_makes_a_mirror_titled_by_its_host_and_a_wrong_one_is_not_told() {
        let Ok(Wish::This(upstream)) = Wish::parse(Some("https://a:b@u.example/simple")) else {
            panic!("it is a URL");
        };
        let options = json!({
            "type": "mirror", "volatile": false, "title": "u.example",
            "mirror_url": "https://a:b@u.example/simple",
        });
        assert_eq!(Value::Object(upstream.options()), options);
        assert!(matches!(Wish::parse(None), Ok(Wish::Unsaid)));
        for nothing in ["", " ", "none"] {
            assert!(matches!(Wish::parse(Some(nothing)), Ok(Wish::Nothing)));
        }
        let Err(message) = Wish::parse(Some("ftp://a:b@u.example")) else { panic!("it is none") };
        assert!(!message.contains("a:b"));
    }

    #[test]
    fn the_index_built_into_pip_has_pages_for_people() {
        let upstream = Upstream::built_in("https://u.example/simple", "https://u.example/").unwrap();
        let options = json!({
            "type": "mirror", "volatile": false, "title": "PyPI", "mirror_url": "https://u.example/simple/",
            "mirror_web_url_fmt": "https://u.example/project/{name}/",
        });
        assert_eq!(Value::Object(upstream.options()), options);
        assert!(Upstream::built_in("x", "https://u.example/").is_none());
    }

    #[test]
    fn the_python_of_a_pip_is_read_from_its_version() {
        let said = "pip 23.2.1 from /a b/site-packages/pip (python 3.11)\n";
        assert_eq!(home(said), Some(("/a b/site-packages".into(), "python3.11".into())));
        assert_eq!(home("pip 23.2.1"), None);
    }
}
