//! How the server is.

use super::{Page, crumbs::index_path};
use crate::{
    error::Result,
    http::respond::moment,
    model::name::IndexName,
    ops::status::{COUNTED, Freshness, Status},
    service::Service,
};
use axum::response::Response;
use minijinja::{Value, context, value::Serde};
use std::time::Duration;

/// From what `GET /+status` says as JSON.
pub(in crate::http) fn status(
    service: &Service,
    page: &Page,
    status: &Status,
    data: &serde_json::Value,
) -> Result<Response> {
    let told = |key: &str| data[key].as_array().into_iter().flatten();
    let mirrors = told("mirrors").zip(&status.mirrors);
    let context = context! {
        title => "Status",
        changed_at => moment(status.changed_at),
        uptime => written(status.uptime),
        in_full => status.in_full,
        waiting => status.jobs.iter().map(|queue| queue.jobs).sum::<i64>(),
        failing => status.jobs.iter().map(|queue| queue.failing).sum::<i64>(),
        processes => told("processes").map(process).collect::<Vec<_>>(),
        mirrors => mirrors.map(|(told, (name, freshness))| mirror(told, name, freshness)).collect::<Vec<_>>(),
        data => Serde(data),
    };
    page.render(service, "status.html", context)
}

/// A process as the JSON tells it, with words for how long ago it was seen.
fn process(told: &serde_json::Value) -> Value {
    context! { seen => ago(&told["seen"]), ..Value::from(Serde(told)) }
}

/// A mirror as the JSON tells it, with words for times and for how it does.
fn mirror(told: &serde_json::Value, name: &IndexName, freshness: &Freshness) -> Value {
    let answered = [freshness.listed, freshness.checked].into_iter().flatten().min();
    let failed = freshness.failed.as_ref();
    context! {
        path => index_path(name),
        listed => ago(&told["listed"]),
        checked => ago(&told["checked"]),
        failed => ago(&told["failed"]),
        // The last that was heard of it was a failure.
        is_failing => failed.is_some_and(|(ago, _)| answered.is_none_or(|answered| *ago < answered)),
        is_unasked => answered.is_none() && failed.is_none(),
        // Not all were counted.
        is_more => freshness.projects >= COUNTED,
        ..Value::from(Serde(told))
    }
}

/// So many seconds in words.
fn ago(seconds: &serde_json::Value) -> Option<String> {
    seconds.as_u64().map(|seconds| written(Duration::from_secs(seconds)))
}

/// How long something lasted, or how long ago it was, in the largest unit that fits.
fn written(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_one_unit() {
        for (seconds, expected) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (200_000, "2 days"),
        ] {
            assert_eq!(written(Duration::from_secs(seconds)), expected);
        }
    }
}
