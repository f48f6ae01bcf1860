//! `POST /{user}/{index}/pypi`: the XML-RPC calls by which tools that mirror PyPI learn which projects changed (packaging
//! standards, XML-RPC).

use super::extract::ProjectPath;
use crate::{
    error::{Error, Result},
    model::{access::Caller, serial::Serial},
    ops,
    service::Service,
};
use axum::{
    extract::{State, rejection::StringRejection},
    response::{IntoResponse, Response},
};
use dxr::{Fault, FaultResponse, MethodCall, MethodResponse, TryFromParams, TryToValue, Value};
use http::header::CONTENT_TYPE;
use std::collections::HashMap;

/// Bytes of a call, at most: all that there are fit, and what is nested in one takes stack to read.
const LONGEST: usize = 4096;

/// The codes of faults, as of Python's server.
const UNKNOWN_METHOD: i32 = -32601;
const WRONG_PARAMETERS: i32 = -32602;

/// `list_packages_with_serial()`, `changelog_last_serial()` and `changelog_since_serial(serial)`, which tells the last change
/// of each project that changed since.
pub(super) async fn call(
    State(service): State<Service>,
    caller: Caller,
    ProjectPath { index, project, .. }: ProjectPath,
    body: std::result::Result<String, StringRejection>,
) -> Result<Response> {
    if project.as_str() != "pypi" {
        return Err(Error::NotFound("there is nothing at this URL for this method".into()));
    }
    let body = body.ok().filter(|body| body.len() <= LONGEST);
    let call = body.as_deref().and_then(|body| MethodCall::from_xml(body).ok());
    let call = call.ok_or_else(|| {
        Error::Invalid(format!(
            "expected a call in XML-RPC of at most {LONGEST} bytes, like list_packages_with_serial"
        ))
    })?;
    let (last, serials) = ops::simple::last_serials(&service, &caller, &index).await?;
    let since = match &*call.name {
        "changelog_since_serial" => match <(i32,)>::try_from_params(&call.params) {
            Ok((since,)) => since,
            Err(_) => return fault(WRONG_PARAMETERS, "changelog_since_serial takes a serial"),
        },
        "list_packages_with_serial" | "changelog_last_serial" => 0,
        name => return fault(UNKNOWN_METHOD, &format!("there is no method {name:?}")),
    };
    // There may be a million names.
    let xml = move || {
        let value = match &*call.name {
            "list_packages_with_serial" => {
                let serials = serials.into_iter().map(|(name, serial)| (name, number(serial)));
                serials.collect::<HashMap<_, _>>().try_to_value()
            }
            "changelog_last_serial" => number(last).try_to_value(),
            _ => changes_since(serials, since).try_to_value(),
        };
        value.and_then(|value: Value| MethodResponse { value }.to_xml())
    };
    answer(ops::simple::blocking(xml).await?)
}

/// Name, version, time, action and serial of each change, oldest first.
fn changes_since(
    serials: HashMap<String, Serial>,
    since: i32,
) -> Vec<(String, String, i32, &'static str, i32)> {
    let changed =
        serials.into_iter().map(|(name, serial)| (name, String::new(), 0, "change", number(serial)));
    let mut changed: Vec<_> = changed.filter(|(.., serial)| *serial > since).collect();
    changed.sort_by(|one, other| (one.4, &one.0).cmp(&(other.4, &other.0)));
    changed
}

/// XML-RPC has no larger ones.
fn number(serial: Serial) -> i32 {
    i32::try_from(serial.0).unwrap_or(i32::MAX)
}

fn fault(code: i32, reason: &str) -> Result<Response> {
    answer(FaultResponse { fault: Fault::new(code, reason.to_owned()) }.to_xml())
}

fn answer(xml: std::result::Result<String, dxr::Error>) -> Result<Response> {
    let xml = xml.map_err(|error| Error::Internal(format!("writing XML-RPC: {error}")))?;
    Ok(([(CONTENT_TYPE, "text/xml; charset=utf-8")], xml).into_response())
}
