//! The lines that install something from an index.

use super::{Page, listed::is_protected};
use crate::model::{index::Index, name::IndexName};
use minijinja::{Value, context};
use std::sync::Arc;
use url::{Host, Url};

/// For a project, or for one version of it (`name==version`), on an index for which those of `order` answer.
pub(super) fn lines(page: &Page, index: &IndexName, requirement: &str, order: &[Arc<Index>]) -> Value {
    let url = format!("{}/{}", page.root, index.url_path());
    let requirement = quoted(requirement);
    let trust = trusted_host(&page.root).map(|host| format!("--trusted-host {host} "));
    let pip = format!("pip install --index-url {url}/+simple/ {}{requirement}", trust.unwrap_or_default());
    context! {
        lines => [
            context! { label => "pip", line => pip },
            context! { label => "uv", line => format!("uv pip install --default-index {url}/+simple/ {requirement}") },
        ],
        more => [
            context! { label => "devpi", line => format!("devpi use {url}") },
            context! { label => "", line => format!("devpi install {requirement}") },
        ],
        is_protected => order.iter().any(|index| is_protected(index)),
    }
}

/// The host of the server, where pip leaves out an index that it reaches in the clear unless it is told to trust it (pip,
/// `SECURE_ORIGINS`).
pub(super) fn trusted_host(root: &str) -> Option<String> {
    let url = Url::parse(root).ok().filter(|url| url.scheme() == "http")?;
    let is_local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (!is_local).then(|| url.host_str().map(str::to_owned)).flatten()
}

/// As one word of a shell, since a version may hold anything.
fn quoted(word: &str) -> String {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-=".contains(&byte));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_trusts_this_machine_and_https() {
        for (root, expected) in [
            ("https://packages.example", None),
            ("http://packages.example:81/index", Some("packages.example")),
            ("http://localhost:3141", None),
            ("http://pkgs.localhost", Some("pkgs.localhost")),
            ("http://127.0.0.2", None),
            ("http://10.0.0.1:3141", Some("10.0.0.1")),
            ("http://[::1]:3141", None),
        ] {
            assert_eq!(trusted_host(root).as_deref(), expected, "{root}");
        }
    }

    #[test]
    fn no_version_is_more_than_one_word_of_a_shell() {
        for (word, expected) in [
            ("a==1.0.post1+x-1", "a==1.0.post1+x-1"),
            ("a==1!2", "'a==1!2'"),
            ("a==1; rm -rf /", "'a==1; rm -rf /'"),
            ("a=='$(x)'", "'a=='\\''$(x)'\\'''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
