//! What every page is made with.

use super::{Session, Theme, done, session};
use crate::{
    error::{Error, Result},
    http::{negotiate, outside, respond},
    model::{access::Caller, name::UserName},
    service::Service,
};
use axum::{
    extract::FromRequestParts,
    response::{Html, IntoResponse, Response},
};
use http::{
    HeaderValue, Uri,
    header::{CACHE_CONTROL, SET_COOKIE},
    request::Parts,
    uri::PathAndQuery,
};
use minijinja::{Value, context};
use std::{convert::Infallible, sync::Arc};

/// A request of somebody who may want a page, and what their pages look like.
pub(in crate::http) struct Page {
    pub caller: Caller,
    /// Absolute URLs begin with it; without a final slash.
    pub root: String,
    pub uri: Uri,
    /// Whether HTML is wanted at a URL that has JSON too.
    pub wanted: bool,
    csrf: Option<String>,
    /// The browser has a session that has ended.
    has_ended: bool,
    pub(super) theme: Arc<Theme>,
}

impl FromRequestParts<Service> for Page {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self> {
        let theme = parts.extensions.get::<Arc<Theme>>().cloned();
        let theme = theme.ok_or_else(|| Error::Internal("a page without a theme".into()))?;
        theme.refresh().await;
        let caller = Caller::from_request_parts(parts, service).await?;
        let Ok::<_, Infallible>(outside::Root(root)) =
            outside::Root::from_request_parts(parts, service).await;
        let session = parts.extensions.get::<Session>();
        // Only where nothing is changed is a cookie believed without a proof.
        let has_ended = session.is_some() && parts.method.is_safe() && caller.is_anonymous();
        let csrf = session.filter(|_| !has_ended).map(|session| session.csrf.clone());
        let wanted = negotiate::wants_page(&parts.headers);
        Ok(Self { caller, root, uri: parts.uri.clone(), wanted, csrf, has_ended, theme })
    }
}

impl Page {
    /// Where paths of ours begin in links: empty, or the path of a proxy.
    pub fn prefix(&self) -> &str {
        outside::prefix(&self.root)
    }

    /// Leads with 303 to a page of ours, which tells what is done ([`done`]).
    pub fn done(&self, path: &str, what: &str) -> Response {
        respond::see_other(self.prefix(), &format!("{path}?done={what}"))
    }

    /// The page of a template, from what it adds to what all pages know (`docs/themes.md`).
    ///
    /// # Errors
    /// [`Error::Internal`] for a template that is broken.
    pub fn render(&self, service: &Service, template: &str, page: Value) -> Result<Response> {
        let context = context! {
            site => site(service, &self.root, &self.uri),
            caller => context! {
                name => self.caller.name(),
                is_root => self.caller.user.as_ref().is_some_and(UserName::is_root),
            },
            csrf_token => self.csrf.as_deref(),
            done => done::text(&self.uri),
            ..page
        };
        let text = self.theme.render(template, context);
        let text = text.map_err(|error| Error::Internal(format!("{error:#}")))?;
        let mut response = Html(text).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if self.has_ended {
            headers.extend(session::end(&self.root).map(|cookie| (SET_COOKIE, cookie)));
        }
        negotiate::vary(&mut response, "Accept, Cookie, Authorization, X-Devpi-Auth");
        Ok(response)
    }
}

/// What every page knows of the server and of its own URL.
pub(super) fn site(service: &Service, root: &str, uri: &Uri) -> Value {
    context! {
        url => root,
        prefix => outside::prefix(root),
        path => uri.path(),
        here => uri.path_and_query().map(PathAndQuery::as_str),
        version => env!("CARGO_PKG_VERSION"),
        serial => service.db.newest_serial().0,
        uuid => service.uuid.to_string(),
    }
}
