//! The metrics of requests, found once for each kind of request: their registry makes a key of texts for each look-up.

use metrics::{Counter, Histogram};
use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

/// The metrics of each kind of request so far, by route, and then by method and status. All three are bounded.
#[derive(Default)]
pub(super) struct Measures(RwLock<HashMap<String, Route>>);

type Route = HashMap<(&'static str, u16), (Counter, Histogram)>;

impl Measures {
    /// Counts a request that took so long.
    pub(super) fn record(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((requests, seconds)) = known.get(route).and_then(|route| route.get(&(method, status))) {
            requests.increment(1);
            seconds.record(took.as_secs_f64());
            return;
        }
        drop(known);
        let labels = [("route", route.to_owned()), ("method", method.into()), ("status", status.to_string())];
        let requests = metrics::counter!("wheelyard_requests_total", &labels);
        let seconds = metrics::histogram!("wheelyard_request_seconds", &labels[..1]);
        requests.increment(1);
        seconds.record(took.as_secs_f64());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(route.to_owned()).or_default().insert((method, status), (requests, seconds));
    }
}
