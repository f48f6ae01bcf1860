//! `POST /{user}/{index}` with `text/xml`: what `pip search` asks, by XML-RPC (devpi-api, search).

use super::error;
use crate::{
    error::{Error, Result},
    model::{access::Caller, name::IndexName},
    ops::{self, search::Hit},
    service::Service,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use dxr::{Fault, FaultResponse, MethodCall, MethodResponse, Value};
use http::header::CONTENT_TYPE;
use std::{collections::BTreeMap, time::Duration};

/// Largest call, in bytes, and how long it may take to arrive.
const LARGEST: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// Most arrays and structures of a call, which are read one within the other; a search has three.
const MOST_VALUES: usize = 20;

/// What a call of `search(fields, operator)` asks for.
#[derive(Default)]
struct Search {
    names: Vec<String>,
    summaries: Vec<String>,
    /// The operator is `and`, as it is when it is not given.
    both: bool,
}

/// Answers a call. What is wrong with it is a fault, with status 200; but who may come again with a password, or later,
/// hears so by the status.
pub(super) async fn respond_to(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    body: Body,
) -> Result<Response> {
    let text = match answer(service, caller, index, body).await {
        Ok(text) => text,
        Err(error @ (Error::Unauthorized(_) | Error::Unavailable | Error::Overloaded(_))) => {
            return Err(error);
        }
        Err(error) if error::is_inside(&error) => return Err(error),
        Err(error) => {
            let fault = Fault::new(1, error.to_string());
            FaultResponse { fault }.to_xml().map_err(|error| Error::Internal(error.to_string()))?
        }
    };
    Ok(([(CONTENT_TYPE, "text/xml")], format!("<?xml version='1.0'?>\n{text}\n")).into_response())
}

async fn answer(service: &Service, caller: &Caller, index: &IndexName, body: Body) -> Result<String> {
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, LARGEST));
    let bytes = read.await.map_err(|_| Error::Stalled)?;
    let bytes = bytes.map_err(|_| Error::Invalid(format!("a call is of at most {LARGEST} bytes")))?;
    let Search { names, summaries, both } =
        parse(&String::from_utf8_lossy(&bytes)).map_err(Error::Invalid)?;
    let hits = ops::search::projects(service, caller, index, [&names, &summaries], both).await?;
    let value = Value::Array(hits.into_iter().map(shown).collect());
    MethodResponse { value }.to_xml().map_err(|error| Error::Internal(error.to_string()))
}

fn parse(text: &str) -> Result<Search, String> {
    let values = text.matches("<array").count() + text.matches("<struct").count();
    if values > MOST_VALUES {
        return Err(format!("a search holds at most {MOST_VALUES} arrays and structures"));
    }
    let call = MethodCall::from_xml(text).map_err(|_| "the body is no XML-RPC call")?;
    if call.name != "search" {
        return Err(format!("Unknown method '{}'.", call.name));
    }
    let mut search = Search { both: true, ..Search::default() };
    let fields = match call.params.as_slice() {
        [Value::Struct(fields)] => fields,
        [Value::Struct(fields), Value::String(operator)] => {
            search.both = match operator.to_ascii_lowercase().as_str() {
                "and" => true,
                "or" => false,
                _ => return Err(format!("Unknown operator '{operator}'.")),
            };
            fields
        }
        _ => return Err("search takes a structure of fields, and an operator".into()),
    };
    for (field, value) in fields {
        let words = words(value).ok_or_else(|| format!("'{field}' is a text or a list of texts"))?;
        match field.as_str() {
            "name" => search.names = words,
            "summary" => search.summaries = words,
            _ => return Err("Only 'name' and 'summary' allowed in query.".into()),
        }
    }
    Ok(search)
}

fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => values
            .iter()
            .map(|value| match value {
                Value::String(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn shown(hit: Hit) -> Value {
    // XML has no other control characters.
    let text =
        |text: String| Value::String(text.replace(|c: char| c.is_control() && !"\t\n\r".contains(c), " "));
    let summary = format!("[{}] {}", hit.index, hit.summary);
    Value::Struct(BTreeMap::from([
        ("name".to_owned(), text(hit.name)),
        ("summary".to_owned(), text(summary.trim_end().to_owned())),
        ("version".to_owned(), text(hit.version)),
        ("_pypi_ordering".to_owned(), Value::Double(hit.score)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(params: &str) -> String {
        format!(
            "<?xml version='1.0'?>\n<methodCall>\n<methodName>search</methodName>\n<params>{params}</params></methodCall>"
        )
    }

    #[test]
    fn what_is_no_search_is_told_so() {
        let array = "<value><array><data>";
        let fields = |name: &str, value: &str| {
            format!(
                "<param><value><struct><member><name>{name}</name>{value}</member></struct></value></param>"
            )
        };
        let name = fields("name", "<value><string>x</string></value>");
        for (body, message) in [
            ("nonsense".to_owned(), "the body is no XML-RPC call"),
            (call("").replace("search", "package_releases"), "Unknown method 'package_releases'."),
            (call(""), "search takes a structure of fields, and an operator"),
            (call(&format!("{name}<param><value>xor</value></param>")), "Unknown operator 'xor'."),
            (call(&fields("author", "<value>x</value>")), "Only 'name' and 'summary' allowed in query."),
            (call(&fields("name", "<value><int>5</int></value>")), "'name' is a text or a list of texts"),
            (call(&array.repeat(1000)), "a search holds at most 20 arrays and structures"),
            (call(&array.repeat(20)), "the body is no XML-RPC call"),
        ] {
            assert_eq!(parse(&body).err().as_deref(), Some(message), "{body}");
        }
        let search = parse(&call(&name)).unwrap();
        assert!(search.both && search.names == ["x"] && search.summaries.is_empty());
    }
}
