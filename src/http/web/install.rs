//! The lines that install something from an index.

use super::Page;
use crate::model::index::Index;
use minijinja::{Value, context};
use url::{Host, Url};

/// For a project, or for one version of it (`name==version`).
pub(super) fn lines(page: &Page, index: &Index, requirement: &str, is_restricted: bool) -> Value {
    let url = format!("{}/{}", page.root, index.name.url_path());
    let requirement = quoted(requirement);
    // pip leaves out an index that it reaches in the clear, unless it is told to trust it.
    let trust = Url::parse(&page.root).ok().filter(|root| root.scheme() == "http" && !is_local(root));
    let trust = trust.as_ref().and_then(Url::host_str).map(|host| format!("--trusted-host {host} "));
    let pip = format!("pip install --index-url {url}/+simple/ {}{requirement}", trust.unwrap_or_default());
    context! {
        lines => [
            context! { label => "pip", line => pip },
            context! { label => "uv", line => format!("uv pip install --index-url {url}/+simple/ {requirement}") },
        ],
        more => [
            context! { label => "devpi", line => format!("devpi use {url}") },
            context! { label => "", line => format!("devpi install {requirement}") },
        ],
        is_protected => index.acl_read.is_some() || is_restricted,
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
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
