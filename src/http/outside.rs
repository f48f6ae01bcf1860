//! The URL under which the client sees us, and the path that routes are matched on.

use crate::service::Service;
use axum::extract::{FromRequestParts, Request};
use http::{HeaderMap, HeaderName, Uri, header::HOST, request::Parts, uri::Authority};
use std::convert::Infallible;
use url::Url;

pub(super) const OUTSIDE_URL: HeaderName = HeaderName::from_static("x-outside-url");

/// Absolute URLs in replies begin with this; it has no final slash (devpi-api, URLs in replies).
#[derive(Debug, Clone)]
pub(super) struct Root(pub String);

/// Takes the path prefix of the root URL off the path, and decodes what clients encode without need.
pub(super) fn rewrite(mut request: Request, setting: Option<&str>) -> Request {
    let prefix = chosen(request.headers(), setting).map(|url| path_of(&url).to_owned()).unwrap_or_default();
    let path = request.uri().path();
    if prefix.is_empty() && !path.contains('%') {
        return request;
    }
    let path = path.strip_prefix(prefix.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let path = decode(path);
    let path_and_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.path_and_query = path_and_query.parse().ok();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}

/// The root URL that the request or else the setting names.
fn chosen(headers: &HeaderMap, setting: Option<&str>) -> Option<Url> {
    let header = headers.get(OUTSIDE_URL).and_then(|value| value.to_str().ok());
    let given = [header, setting].into_iter().flatten();
    given.filter_map(|text| Url::parse(text).ok()).find(|url| ["http", "https"].contains(&url.scheme()))
}

fn path_of(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

/// The root URL, without a final slash.
pub(super) fn root(headers: &HeaderMap, setting: Option<&str>) -> String {
    if let Some(url) = chosen(headers, setting) {
        return format!("{}{}", url.origin().ascii_serialization(), path_of(&url));
    }
    let host = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .filter(|host| host.parse::<Authority>().is_ok());
    format!("http://{}", host.unwrap_or("localhost"))
}

/// The path of a root URL, without a final slash: what stands before the paths of our routes where a client asks.
pub(super) fn prefix(root: &str) -> &str {
    let behind_scheme = root.split_once("://").map_or(root, |(_, rest)| rest);
    behind_scheme.find('/').map_or("", |at| &behind_scheme[at..])
}

/// Decodes percent-encoded characters that mean the same either way, so that `%2Bsimple` is `+simple` (hatch, pip).
fn decode(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(start) = rest.find('%') {
        decoded.push_str(&rest[..start]);
        let code = rest.get(start + 1..start + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.map(char::from) {
            Some(c) if c.is_ascii_alphanumeric() || "+-_.~!@,:;=".contains(c) => {
                decoded.push(c);
                rest = &rest[start + 3..];
            }
            _ => {
                decoded.push('%');
                rest = &rest[start + 1..];
            }
        }
    }
    decoded + rest
}

impl FromRequestParts<Service> for Root {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Infallible> {
        Ok(Self(root(&parts.headers, service.config.server.outside_url.as_deref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_characters_are_decoded() {
        for (path, decoded) in [
            ("/a/b/%2Bsimple/x", "/a/b/+simple/x"),
            ("/a/b/%2bf/x", "/a/b/+f/x"),
            ("/a%2Fb", "/a%2Fb"),
            ("/%00%25%20%zz%", "/%00%25%20%zz%"),
            ("/%e4%C3%A4", "/%e4%C3%A4"),
        ] {
            assert_eq!(decode(path), decoded);
        }
    }

    #[test]
    fn the_header_comes_before_the_setting_and_the_host() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "h:1".parse().unwrap());
        assert_eq!(root(&headers, None), "http://h:1");
        assert_eq!(root(&headers, Some("https://x/p/")), "https://x/p");
        headers.insert(OUTSIDE_URL, "http://y:8".parse().unwrap());
        assert_eq!(root(&headers, Some("https://x/p/")), "http://y:8");
        headers.insert(OUTSIDE_URL, "javascript:x".parse().unwrap());
        assert_eq!(root(&headers, None), "http://h:1");
    }
}
