//! How an upstream answers a request.

use super::{
    Asked, Inner, State, Validators,
    body::{InFlight, Paced},
    fault::{Fault, Place},
    pages::{list, project as page},
};
use crate::harness::archive;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use hyper::body::Incoming;
use std::{
    convert::Infallible,
    fmt::Display,
    io::Write,
    sync::Arc,
    time::{Duration, SystemTime},
};

const LOGIN_PAGE: &str = "<!DOCTYPE html><title>Sign in</title><form method=post>Who are you?</form>";

/// An answer before anything goes wrong with it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Bytes,
}

impl Answer {
    fn new(status: u16, content: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers: HeaderMap::new(), content: content.into() }
    }

    fn with(mut self, name: header::HeaderName, value: impl Display) -> Self {
        self.headers.insert(name, HeaderValue::from_str(&value.to_string()).unwrap());
        self
    }
}

pub async fn answer(
    state: Arc<State>,
    elsewhere: bool,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let in_flight = InFlight::new(state.clone());
    let asked = Asked {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        headers: request.headers().clone(),
        elsewhere,
    };
    state.inner().asked.push(asked.clone());
    let place = Place::of(&asked.path);
    let fault = standing(&state, &place).await;
    if let Some(Fault::SlowHead(time)) = fault {
        tokio::time::sleep(time).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let (answer, gate) = {
        let inner = state.inner();
        let gate = inner.gates.iter().rev().find(|(held, _)| held.covers(&place));
        let gate = gate.map(|(_, gate)| gate.clone());
        (
            refused(&inner, &asked, fault.as_ref()).unwrap_or_else(|| found(&state, &inner, &asked, query)),
            gate,
        )
    };
    let answer = packed(&state, &asked, answer, fault.as_ref());
    let answer = ranged(&asked, answer, fault.as_ref());
    let paced = Paced {
        content: answer.content.clone(),
        chunk: 16 * 1024,
        pause: None,
        cut: false,
        gate,
        filename: asked.path.rsplit('/').next().unwrap_or_default().replace("%2B", "+"),
        in_flight,
    };
    Ok(spoiled(answer, paced, fault))
}

/// What is wrong with a place, once it no longer stalls.
async fn standing(state: &State, place: &Place) -> Option<Fault> {
    let mut mended = state.mended.subscribe();
    loop {
        let fault = state.inner().faults.iter().rev().find(|(at, _)| at.covers(place)).cloned();
        match fault {
            Some((_, Fault::Stall)) => drop(mended.changed().await),
            fault => return fault.map(|(_, fault)| fault),
        }
    }
}

/// The answer to a request that gets nothing.
fn refused(inner: &Inner, asked: &Asked, fault: Option<&Fault>) -> Option<Answer> {
    match fault {
        Some(Fault::Status(status)) => return Some(Answer::new(*status, "the upstream says no")),
        Some(Fault::RetryAfter(status, seconds)) => {
            return Some(Answer::new(*status, "later").with(header::RETRY_AFTER, seconds));
        }
        Some(Fault::RedirectLoop) => {
            return Some(Answer::new(302, "").with(header::LOCATION, format!("{}?again", asked.path)));
        }
        Some(Fault::RedirectTo(url)) => return Some(Answer::new(302, "").with(header::LOCATION, url)),
        Some(Fault::LoginPage) => {
            return Some(Answer::new(200, LOGIN_PAGE).with(header::CONTENT_TYPE, "text/html"));
        }
        _ => {}
    }
    let (user, password) = inner.credentials.as_ref().filter(|_| !asked.elsewhere)?;
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
    (asked.header("authorization") != expected)
        .then(|| Answer::new(401, "who are you?").with(header::WWW_AUTHENTICATE, "Basic realm=\"upstream\""))
}

/// What is at a path.
fn found(state: &State, inner: &Inner, asked: &Asked, query: &str) -> Answer {
    let path = asked.path.as_str();
    if path.starts_with("/simple") && !path.ends_with('/') {
        return Answer::new(301, "").with(header::LOCATION, format!("{path}/"));
    }
    let missing = || Answer::new(404, "404 Not Found");
    if path == "/simple/" {
        let content = list(inner.shape, &inner.contents);
        return validated(inner, asked, content, inner.contents.changes);
    }
    if let Some(name) = path.strip_prefix("/simple/") {
        let name = name.trim_end_matches('/');
        let Some(project) = inner.contents.projects.get(name) else { return missing() };
        let content = page(inner.shape, &state.origins, name, project);
        let answer = validated(inner, asked, content, project.changes);
        return match project.serial {
            Some(serial) => answer.with(header::HeaderName::from_static("x-pypi-last-serial"), serial),
            None => answer,
        };
    }
    let files = inner.contents.projects.values().flat_map(|project| &project.files);
    for file in files.filter(|file| file.elsewhere == asked.elsewhere) {
        let whole = path == file.path();
        let metadata = path == format!("{}.metadata", file.path()) && !file.metadata.is_empty();
        if !whole && !metadata {
            continue;
        }
        if file.token.is_some_and(|token| !query.contains(&format!("token={token}"))) {
            return Answer::new(403, "the URL has expired");
        }
        let content = if whole { &file.bytes } else { &file.metadata };
        return Answer::new(200, content.clone())
            .with(header::CONTENT_TYPE, "application/octet-stream")
            .with(header::ETAG, format!("\"{}\"", &archive::sha256(content)[..32]))
            .with(header::ACCEPT_RANGES, "bytes");
    }
    missing()
}

/// A page, or 304 for who has it already.
fn validated(inner: &Inner, asked: &Asked, content: String, changes: u64) -> Answer {
    let answer = |status, content: String| {
        Answer::new(status, content).with(header::CONTENT_TYPE, inner.shape.content_type())
    };
    let (has, name, value) = match inner.validators {
        Validators::None => return answer(200, content),
        Validators::ETag => {
            let etag = format!("\"{}\"", &archive::sha256(content.as_bytes())[..32]);
            (asked.header("if-none-match") == etag, header::ETAG, etag)
        }
        Validators::LastModified => {
            let beginning = httpdate::parse_http_date("Mon, 02 Nov 2026 10:00:00 GMT").unwrap();
            let modified = beginning + Duration::from_secs(changes);
            let since: Option<SystemTime> = httpdate::parse_http_date(asked.header("if-modified-since")).ok();
            let modified_text = httpdate::fmt_http_date(modified);
            (since.is_some_and(|since| since >= modified), header::LAST_MODIFIED, modified_text)
        }
    };
    if has { answer(304, String::new()).with(name, value) } else { answer(200, content).with(name, value) }
}

/// The answer packed with gzip, where the upstream does that.
fn packed(state: &State, asked: &Asked, answer: Answer, fault: Option<&Fault>) -> Answer {
    let of_a_page = asked.path.starts_with("/simple") && state.inner().packs;
    let wanted = of_a_page && asked.header("accept-encoding").contains("gzip");
    match fault {
        Some(Fault::LabelledGzip) => answer.with(header::CONTENT_ENCODING, "gzip"),
        _ if answer.status != 200 => answer,
        fault if wanted || matches!(fault, Some(Fault::Packed)) => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(&answer.content).unwrap();
            Answer { content: gzip.finish().unwrap().into(), ..answer }.with(header::CONTENT_ENCODING, "gzip")
        }
        _ => answer,
    }
}

/// The part of a file that was asked for: a single range, else the whole.
fn ranged(asked: &Asked, answer: Answer, fault: Option<&Fault>) -> Answer {
    let range = asked.header("range").strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let (Some((first, last)), 200, true) =
        (range, answer.status.as_u16(), answer.headers.contains_key(header::ACCEPT_RANGES))
    else {
        return answer;
    };
    let size = answer.content.len();
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        _ if matches!(fault, Some(Fault::NoRange)) => {
            return answer.with(header::ACCEPT_RANGES, "none");
        }
        (Ok(first), Ok(last)) => (first, size.min(last + 1)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(count)) => (size.saturating_sub(count), size),
        (Err(_), Err(_)) => return answer,
    };
    if start >= end {
        return Answer::new(416, "").with(header::CONTENT_RANGE, format!("bytes */{size}"));
    }
    let content = answer.content.slice(start..end);
    Answer { status: StatusCode::PARTIAL_CONTENT, content, ..answer }
        .with(header::CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1))
}

/// Sends the answer with what is wrong with its body.
fn spoiled(answer: Answer, mut paced: Paced, fault: Option<Fault>) -> Response<Body> {
    let mut promised = Some(paced.content.len());
    let other_bytes = |content: &Bytes| content.iter().map(|byte| byte ^ 1).collect::<Vec<_>>().into();
    // An answer without the content has nothing to spoil.
    match fault.filter(|_| answer.status.is_success()) {
        Some(Fault::CutAfter(count)) => {
            paced.content.truncate(count);
            paced.cut = true;
        }
        Some(Fault::CutChunked(count)) => {
            paced.content.truncate(count);
            paced.cut = true;
            promised = None;
        }
        Some(Fault::Short(count)) => {
            paced.content.truncate(count);
            promised = Some(paced.content.len());
        }
        Some(Fault::Long) => {
            paced.content = [&paced.content[..], b" and more"].concat().into();
            promised = Some(paced.content.len());
        }
        Some(Fault::WrongBytes) => paced.content = other_bytes(&paced.content),
        Some(Fault::Garbage) if answer.headers.contains_key(header::ACCEPT_RANGES) => {
            paced.content = other_bytes(&paced.content);
        }
        Some(Fault::Garbage) => {
            let half = paced.content.len() / 2;
            paced.content = [&paced.content[..half], &[0xff, 0, 0xfe]].concat().into();
            promised = Some(paced.content.len());
        }
        Some(Fault::Drip(chunk, pause)) => {
            paced.chunk = chunk;
            paced.pause = Some(pause);
        }
        _ => {}
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    if answer.status != StatusCode::NOT_MODIFIED {
        if let Some(promised) = promised {
            response.headers_mut().insert(header::CONTENT_LENGTH, promised.into());
        }
        *response.body_mut() = paced.body();
    }
    response
}
