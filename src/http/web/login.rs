//! `/+login` and `/+logout` for people: the form, the cookie, and the way back.

use super::{Page, Session, form::Fields, session};
use crate::{
    error::{Error, Result},
    http::{error::told, extract::Query, respond},
    ops,
    service::Service,
};
use axum::{
    Extension,
    extract::{FromRequestParts, Request, State},
    response::Response,
};
use http::{StatusCode, header::SET_COOKIE};
use minijinja::context;

/// `GET /+login`.
pub(in crate::http) async fn show(
    State(service): State<Service>,
    page: Page,
    query: Query,
) -> Result<Response> {
    form(&service, &page, "", query.get("next").unwrap_or_default(), None)
}

/// `POST /+login` with the form: begins a session and leads to where its user wanted to go.
pub(in crate::http) async fn login(service: &Service, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let page = Page::from_request_parts(&mut parts, service).await?;
    if session::is_of_another_origin(&parts.headers, &page.root) {
        return Err(Error::Forbidden("a page of another site may not log you in here".into()));
    }
    let fields = Fields::read(body).await?;
    let (user, next) = (fields.text("user"), fields.text("next"));
    match ops::login::login(service, user, fields.verbatim("password")).await {
        Ok((token, _)) if ops::login::authenticate(service, user, &token).await?.user.is_none() => {
            let problem = "This is the token of a trusted publisher, which uploads and does nothing else: log in as a user.";
            let mut response = form(service, &page, user, next, Some(problem))?;
            *response.status_mut() = StatusCode::FORBIDDEN;
            Ok(response)
        }
        Ok((token, seconds)) => {
            let mut response = respond::see_other(page.prefix(), ours(next));
            let seconds = seconds.min(ops::login::TOKEN_SECONDS);
            let cookie = session::begin(&page.root, &parts.headers, user, &token, seconds);
            response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            Ok(response)
        }
        Err(error @ Error::WrongPassword(_)) => {
            let mut response =
                form(service, &page, user, next, Some("The user name or the password is wrong."))?;
            *response.status_mut() = told(&error).0;
            Ok(response)
        }
        Err(error) => Err(error),
    }
}

/// `POST /+logout`: ends the session in this browser.
pub(in crate::http) async fn logout(
    State(service): State<Service>,
    session: Option<Extension<Session>>,
    request: Request,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let page = Page::from_request_parts(&mut parts, &service).await?;
    let fields = Fields::read(body).await?;
    if session.is_some_and(|session| !session.is_proved_by(fields.verbatim(session::FIELD))) {
        return Err(Error::Forbidden("the form is too old: load the page again".into()));
    }
    let mut response = respond::see_other(page.prefix(), "/?done=logged-out");
    response.headers_mut().extend(session::end(&page.root).map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

fn form(service: &Service, page: &Page, user: &str, next: &str, problem: Option<&str>) -> Result<Response> {
    page.render(service, "login.html", context! { title => "Log in", user, next => ours(next), problem })
}

/// A path of ours, or else the root: nobody is to be led elsewhere by a link to the login.
fn ours(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    match is_path && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        true => next,
        false => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_leads_to_paths_of_ours_only() {
        for (next, led) in [
            ("/alice/dev?x=1", "/alice/dev?x=1"),
            ("", "/"),
            ("alice", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("\\\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
        ] {
            assert_eq!(ours(next), led, "{next:?}");
        }
    }
}
