//! The table of `--profile-requests`: where the time of so many requests went, by route.

use crate::timing::Phase;
use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

const PHASES: usize = Phase::ALL.len();

/// Adds requests up until there are enough for a table, then starts again.
pub(super) struct Profile {
    /// Of how many requests a table tells.
    requests: u64,
    routes: Mutex<HashMap<String, Sum>>,
}

/// What the requests of one route spent.
#[derive(Default)]
struct Sum {
    requests: u64,
    total: Duration,
    spent: [Duration; PHASES],
}

impl Profile {
    pub(super) fn new(requests: u64) -> Self {
        Self { requests, routes: Mutex::default() }
    }

    /// Adds a request; the table, where it is the last that was wanting.
    pub(super) fn add(&self, route: String, total: Duration, spent: &[Duration; PHASES]) -> Option<String> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = routes.entry(route).or_default();
        sum.requests += 1;
        sum.total += total;
        sum.spent.iter_mut().zip(spent).for_each(|(sum, spent)| *sum += *spent);
        if routes.values().map(|sum| sum.requests).sum::<u64>() < self.requests {
            return None;
        }
        let full = std::mem::take(&mut *routes);
        drop(routes);
        Some(self.table(full))
    }

    fn table(&self, routes: HashMap<String, Sum>) -> String {
        let mut routes: Vec<_> = routes.into_iter().collect();
        routes.sort_by(|(a, one), (b, other)| other.total.cmp(&one.total).then_with(|| a.cmp(b)));
        let phases = Phase::ALL.map(|phase| phase.name().to_owned());
        let named = ["route", "requests", "total"].map(str::to_owned);
        let mut rows = vec![named.into_iter().chain(phases).chain(["other".to_owned()]).collect::<Vec<_>>()];
        rows.extend(routes.into_iter().map(|(route, sum)| sum.row(route)));
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default())
            .collect();
        let mut table = format!(
            "{} requests: mean milliseconds until the answer began, and the share of each phase\n",
            self.requests
        );
        for row in rows {
            // Writing to a string does not fail.
            let _ = write!(table, "{:width$}", row[0], width = widths[0]);
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                let _ = write!(table, "  {cell:>width$}");
            }
            table.push('\n');
        }
        table
    }
}

impl Sum {
    fn row(&self, route: String) -> Vec<String> {
        let other = self.total.saturating_sub(self.spent.iter().sum());
        let phases = self.spent.iter().chain([&other]).map(|spent| match spent.is_zero() {
            true => "-".to_owned(),
            false => {
                let share = 100.0 * spent.as_secs_f64() / self.total.as_secs_f64();
                format!("{} {share:>3.0}%", self.mean(*spent))
            }
        });
        let begin = [route, self.requests.to_string(), self.mean(self.total)];
        begin.into_iter().chain(phases).collect()
    }

    /// In milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so many requests")]
    fn mean(&self, spent: Duration) -> String {
        format!("{:.2}", spent.as_secs_f64() * 1e3 / self.requests as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_so_many_requests_there_is_a_table_by_route_and_it_starts_again() {
        let profile = Profile::new(3);
        let ms = Duration::from_millis;
        let mut simple = [Duration::ZERO; PHASES];
        (simple[Phase::Gate as usize], simple[Phase::Sql as usize]) = (ms(1), ms(5));
        let nothing = [Duration::ZERO; PHASES];
        let table = || {
            assert_eq!(profile.add("GET /".into(), ms(3), &nothing), None);
            assert_eq!(profile.add("GET /{user}/{index}".into(), ms(10), &simple), None);
            profile.add("GET /{user}/{index}".into(), ms(30), &simple).unwrap()
        };
        let first = table();
        insta::assert_snapshot!(first, @r"
        3 requests: mean milliseconds until the answer began, and the share of each phase
        route                requests  total       gate        sql  s3  rendering  upstream  cache       other
        GET /{user}/{index}         2  20.00  1.00   5%  5.00  25%   -          -         -      -  14.00  70%
        GET /                       1   3.00          -          -   -          -         -      -   3.00 100%
        ");
        assert_eq!(table(), first);
    }
}
