//! How the server is.

use super::{Page, crumbs::index_path};
use crate::{
    error::Result,
    http::respond::moment,
    model::name::IndexName,
    ops::status::{COUNTED, Freshness, Seen, Status},
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
    let context = context! {
        title => "Status",
        changed_at => moment(status.changed_at),
        uptime => written(status.uptime),
        in_full => status.in_full,
        waiting => status.jobs.iter().map(|queue| queue.jobs).sum::<i64>(),
        failing => status.jobs.iter().map(|queue| queue.failing).sum::<i64>(),
        processes => status.processes.iter().map(|seen| process(service, status, seen)).collect::<Vec<_>>(),
        mirrors => status.mirrors.iter().map(mirror).collect::<Vec<_>>(),
        data => Serde(data),
    };
    page.render(service, "status.html", context)
}

fn process(service: &Service, status: &Status, Seen { process, ago, serial }: &Seen) -> Value {
    context! {
        id => process.id.to_string(),
        version => &process.version,
        host => status.in_full.then_some(&process.host),
        address => process.address.as_ref().filter(|_| status.in_full),
        started => moment(process.started_at),
        seen => written(*ago),
        serial => serial.0,
        behind => (status.serial.0 - serial.0).max(0),
        answers => process.id == service.process,
    }
}

fn mirror((name, freshness): &(IndexName, Freshness)) -> Value {
    let answered = [freshness.listed, freshness.checked].into_iter().flatten().min();
    let failed = freshness.failed.as_ref();
    context! {
        index => name.to_string(),
        path => index_path(name),
        listed => freshness.listed.map(written),
        checked => freshness.checked.map(written),
        failed => failed.map(|(ago, _)| written(*ago)),
        reason => failed.map(|(_, reason)| reason),
        // The last that was heard of it was a failure.
        is_failing => failed.is_some_and(|(ago, _)| answered.is_none_or(|answered| *ago < answered)),
        is_unasked => answered.is_none() && failed.is_none(),
        projects => freshness.projects,
        // Not all were counted.
        is_more => freshness.projects >= COUNTED,
        stale => freshness.stale,
        refreshing => freshness.refreshing,
    }
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
