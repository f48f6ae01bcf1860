//! Which form of an answer a client wants (RFC 9110, Accept; PEP 691; devpi-api, JSON or HTML).

use crate::{cache::pages::Coding, model::page::Format};
use axum::response::Response;
use http::{
    HeaderMap, HeaderName,
    header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT},
};
use regex::Regex;
use std::sync::LazyLock;

/// A range of an `Accept` header and its quality.
struct Range<'a> {
    range: &'a str,
    quality: f32,
}

fn ranges(headers: &HeaderMap, name: HeaderName) -> Vec<Range<'_>> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let ranges = lines.flat_map(|line| line.split(',')).map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Range { range, quality: quality.map_or(1.0, |text| text.parse().unwrap_or(0.0)) }
    });
    ranges.filter(|range| !range.range.is_empty()).collect()
}

/// The quality of a media type: that of the most specific range that covers it, 0 if none does.
fn quality(ranges: &[Range<'_>], media_type: &str) -> f32 {
    let (kind, _) = media_type.split_once('/').unwrap_or_default();
    let specific = |range: &str| match range {
        "*/*" | "*" => 1,
        range if range.eq_ignore_ascii_case(media_type) => 3,
        range if range.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(kind)) => 2,
        _ => 0,
    };
    let best = ranges.iter().map(|range| (specific(range.range), range.quality)).max_by(|a, b| a.0.cmp(&b.0));
    best.filter(|(specific, _)| *specific > 0).map_or(0.0, |(_, quality)| quality)
}

/// The form of a simple page, or `None` when the client takes none of ours.
pub(super) fn simple_format(headers: &HeaderMap, wanted: Option<&str>) -> Option<Format> {
    if let Some(wanted) = wanted {
        // A raw `+` in a query is decoded to a space.
        let wanted = wanted.replace(' ', "+");
        return Format::ALL
            .into_iter()
            .find(|format| wanted == format.media_type() || format.latest_media_type() == Some(&wanted));
    }
    let ranges = ranges(headers, ACCEPT);
    if ranges.is_empty() {
        return Some(Format::Html);
    }
    let mut best = (None, 0.0);
    for format in Format::ALL {
        let latest = format.latest_media_type().map_or(0.0, |latest| quality_exact(&ranges, latest));
        let wish = quality(&ranges, format.media_type()).max(latest);
        if wish > best.1 {
            best = (Some(format), wish);
        }
    }
    // Scripts send it by habit; as on PyPI it gets the HTML page.
    best.0.or_else(|| (quality_exact(&ranges, "application/json") > 0.0).then_some(Format::Html))
}

fn quality_exact(ranges: &[Range<'_>], media_type: &str) -> f32 {
    let exact = ranges.iter().find(|range| range.range.eq_ignore_ascii_case(media_type));
    exact.map_or(0.0, |range| range.quality)
}

/// Whether devpi's JSON is an answer; a browser gets it too where there is no page.
pub(super) fn admits_json(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers, ACCEPT);
    ranges.is_empty() || quality(&ranges, "application/json") > 0.0 || quality(&ranges, "text/html") > 0.0
}

/// Whether the client takes HTML and no JSON at all.
pub(super) fn only_html(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers, ACCEPT);
    quality(&ranges, "text/html") > 0.0 && quality(&ranges, "application/json") == 0.0
}

/// Whether the client asked for the simple API by media type, on a URL that has other forms too.
pub(super) fn wants_simple_json(headers: &HeaderMap) -> bool {
    quality_exact(&ranges(headers, ACCEPT), Format::Json.media_type()) > 0.0
}

/// Whether `Accept` names JSON, or anything goes.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    quality_exact(&ranges(headers, ACCEPT), "application/json") > 0.0
}

/// Whether JSON is named, and a stream of events is not wanted as much.
pub(super) fn prefers_json_to_events(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers, ACCEPT);
    let json = quality_exact(&ranges, "application/json");
    json > 0.0 && json > quality_exact(&ranges, "text/event-stream")
}

/// Whether a page is meant at a URL that has JSON too: HTML is named and JSON not wanted more, or anything goes. Who says
/// nothing is a program.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers, ACCEPT);
    let (html, json) = (quality_exact(&ranges, "text/html"), quality_exact(&ranges, "application/json"));
    let wanted = if html > 0.0 || json > 0.0 { html >= json } else { quality(&ranges, "text/html") > 0.0 };
    wanted && !wants_simple_json(headers)
}

/// Whether a person with a browser asks: HTML is named, and JSON is not wanted as much.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers, ACCEPT);
    let html = quality_exact(&ranges, "text/html");
    html > 0.0 && html >= quality_exact(&ranges, "application/json") && !wants_simple_json(headers)
}

/// Whether a browser asks for a page, or a page of ours for events: they all say that they are Mozilla's.
pub(super) fn is_browser(headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let wants_events = quality_exact(&ranges(headers, ACCEPT), "text/event-stream") > 0.0;
    agent.starts_with("Mozilla/") && (wants_events || prefers_html(headers))
}

/// How a page is coded for a client: as it likes best, and of what it likes as much as the shortest.
pub(super) fn coding(headers: &HeaderMap) -> Coding {
    let ranges = ranges(headers, ACCEPT_ENCODING);
    let wish = |name: &str| {
        let range = ranges.iter().find(|range| range.range.eq_ignore_ascii_case(name));
        range.map(|range| range.quality)
    };
    let mut best = (Coding::Identity, wish("identity").unwrap_or(0.0));
    for (coding, name) in [(Coding::Gzip, "gzip"), (Coding::Zstd, "zstd")] {
        let quality = wish(name).or(wish("*")).unwrap_or(0.0);
        if quality > 0.0 && quality >= best.1 {
            best = (coding, quality);
        }
    }
    best.0
}

/// Whether an installer asks, by devpi's rule on the User-Agent.
pub(super) fn is_installer(headers: &HeaderMap) -> bool {
    static INSTALLER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^([^ ]* )*(distribute|setuptools|pip|pex|uv)/.*").ok());
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    INSTALLER.as_ref().is_some_and(|installer| installer.is_match(agent))
}

/// Says that an answer depends on these request headers.
pub(super) fn vary(response: &mut Response, headers: &'static str) {
    response.headers_mut().insert(http::header::VARY, http::HeaderValue::from_static(headers));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !value.is_empty() {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn each_client_gets_the_form_of_the_simple_page_it_asks_for() {
        use Format::{Html, HtmlV1, Json};
        let pip = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
        for (accept, format) in [
            ("", Some(Html)),
            ("*/*", Some(Html)),
            (pip, Some(Json)),
            ("application/vnd.pypi.simple.v1+json, */*;q=0.1", Some(Json)),
            ("application/vnd.pypi.simple.latest+json", Some(Json)),
            ("application/vnd.pypi.simple.latest+html", Some(HtmlV1)),
            ("application/vnd.pypi.simple.v1+html", Some(HtmlV1)),
            ("text/html;q=0.5, application/vnd.pypi.simple.v1+json;q=0.5", Some(Html)),
            ("text/*;q=0.3, application/vnd.pypi.simple.v1+json;q=0", Some(Html)),
            ("application/json", Some(Html)),
            ("application/vnd.pypi.simple.v2+json", None),
            ("image/png", None),
            ("text/html;q=0", None),
        ] {
            assert_eq!(simple_format(&headers(ACCEPT, accept), None), format, "{accept}");
        }
        for (wanted, format) in [
            ("application/vnd.pypi.simple.v1 json", Some(Json)),
            ("application/vnd.pypi.simple.latest+json", Some(Json)),
            ("text/html", Some(Html)),
            ("x", None),
        ] {
            assert_eq!(simple_format(&headers(ACCEPT, pip), Some(wanted)), format, "{wanted}");
        }
    }

    #[test]
    fn pages_are_packed_for_those_who_want_it() {
        for (accept, expected) in [
            ("", Coding::Identity),
            ("gzip, deflate", Coding::Gzip),
            ("gzip;q=0", Coding::Identity),
            ("*", Coding::Zstd),
            ("*;q=0.5, zstd;q=0", Coding::Gzip),
            ("identity", Coding::Identity),
            ("identity, gzip;q=0.5", Coding::Identity),
            ("gzip, deflate, br, zstd", Coding::Zstd),
            ("gzip, zstd;q=0.9", Coding::Gzip),
        ] {
            assert_eq!(coding(&headers(ACCEPT_ENCODING, accept)), expected, "{accept}");
        }
    }

    #[test]
    fn installers_are_known_by_their_user_agent() {
        for (agent, expected) in [
            ("pip/26.3 {}", true),
            ("uv/0.13.9", true),
            ("x pip/1", true),
            ("curl/8", false),
            ("twine/7.0", false),
            ("", false),
        ] {
            assert_eq!(is_installer(&headers(USER_AGENT, agent)), expected, "{agent}");
        }
    }
}
