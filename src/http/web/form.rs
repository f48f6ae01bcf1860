//! What a form of ours sends, and the proof that a page of the session sent it.

use super::{Page, Session};
use crate::{
    error::{Error, Result},
    http::{error::told, extract::is_form},
    ops,
    service::Service,
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    response::Response,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// Largest form without files, in bytes.
const LARGEST: usize = 256 << 10;

/// How long it may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The field that says what the others showed.
const WAS: &str = "was";

/// What a form shows, which it tells us again: only what differs from that is changed, whatever others did meanwhile.
pub(in crate::http) fn showing(mut form: Map<String, Value>) -> Map<String, Value> {
    let was = Value::from(form.clone()).to_string();
    form.insert(WAS.to_owned(), was.into());
    form
}

/// The fields of a form, in the order they came.
#[derive(Default)]
pub(in crate::http) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads an urlencoded body (URL Standard, application/x-www-form-urlencoded).
    ///
    /// # Errors
    /// [`Error::Stalled`]; [`Error::Invalid`] for what is cut, larger than 256 KiB, or holds a NUL character.
    pub async fn read(body: Body) -> Result<Self> {
        let read = tokio::time::timeout(TIMEOUT, axum::body::to_bytes(body, LARGEST));
        let bytes = read.await.map_err(|_| Error::Stalled)?;
        let bytes =
            bytes.map_err(|_| Error::Invalid(format!("the form is cut or larger than {LARGEST} bytes")))?;
        let fields: Vec<_> = url::form_urlencoded::parse(&bytes).into_owned().collect();
        match fields.iter().find(|(name, text)| name.contains('\0') || text.contains('\0')) {
            Some((name, _)) => {
                Err(Error::Invalid(format!("field '{}' holds a NUL character", name.replace('\0', ""))))
            }
            None => Ok(Self(fields)),
        }
    }

    /// What was typed into a field, without spaces around it; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.verbatim(name).trim()
    }

    /// The same as it was typed: of a password every character counts.
    pub fn verbatim(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, text)| text)
    }

    /// Whether a box is checked, or a button was used.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// The names that stand in a field, one a line or with commas between them.
    pub fn names(&self, name: &str) -> Vec<String> {
        split(self.verbatim(name))
    }

    /// What the form showed before anybody typed ([`showing`]).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a form that does not say.
    pub fn was(&self) -> Result<Map<String, Value>> {
        serde_json::from_str(self.verbatim(WAS))
            .map_err(|_| Error::invalid("the form is too old: load the page again"))
    }

    /// Whether a field holds what it showed. A browser writes line breaks its own way, and none into a line.
    pub fn is_as_it(&self, was: &Map<String, Value>, name: &str) -> bool {
        let plain = |text: &str| match name {
            "description" => text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned(),
            _ => text.replace(['\r', '\n'], "").trim().to_owned(),
        };
        plain(self.verbatim(name)) == plain(was.get(name).and_then(Value::as_str).unwrap_or_default())
    }

    /// All fields, as a template shows them once more.
    pub fn shown(&self) -> Map<String, Value> {
        let fields = self.0.iter().filter(|(name, _)| name != "csrf_token" && !name.contains("password"));
        fields.map(|(name, text)| (name.clone(), text.clone().into())).collect()
    }
}

/// The names in a text.
pub(in crate::http) fn split(names: &str) -> Vec<String> {
    let names = names.split([',', '\n', '\r', ' ', '\t']).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// A form that a page of the session sent; `page.caller` is whoever is logged in.
pub(in crate::http) struct Form {
    pub page: Page,
    pub fields: Fields,
}

impl Form {
    /// Whether a page of a session sends one: a client may send JSON by this content type too, but has no session.
    pub fn is_in(request: &Request) -> bool {
        is_form(request.headers()) && request.extensions().get::<Session>().is_some()
    }
}

impl FromRequest<Service> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, service: &Service) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let page = Page::from_request_parts(&mut parts, service).await?;
        let fields = Fields::read(body).await?;
        let session = parts.extensions.get::<Session>();
        let session = session.filter(|session| session.is_proved_by(fields.verbatim(super::session::FIELD)));
        let page = page.of(service, session).await?;
        Ok(Self { page, fields })
    }
}

impl Page {
    /// The page of a session that has proved that it asks.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without one, or when it has ended.
    pub async fn of(mut self, service: &Service, session: Option<&Session>) -> Result<Self> {
        if let Some(session) = session {
            self.caller = ops::login::authenticate(service, &session.user, &session.token).await?;
            if let Some(name) = self.caller.name() {
                session.sender.get_or_init(|| name.to_owned());
            }
        }
        match session.is_some() && !self.caller.is_anonymous() {
            true => Ok(self),
            false => Err(Error::Forbidden(
                "the form is too old, or you are no longer logged in: load the page again".into(),
            )),
        }
    }
}

/// The form once more, with the message and the status of an error that whoever filled it in can mend.
///
/// # Errors
/// The error itself where it is not the client's, without making the form; those of making it.
pub(in crate::http) async fn again(
    error: Error,
    form: impl AsyncFnOnce(&str) -> Result<Response>,
) -> Result<Response> {
    let (status, message) = told(&error);
    if !status.is_client_error() {
        return Err(error);
    }
    let mut response = form(&message).await?;
    *response.status_mut() = status;
    Ok(response)
}
