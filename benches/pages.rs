//! Pages from memory: how near they come to a handler that does nothing.

use crate::{
    compare::{Contender, Measured, Pace, compare},
    grounds::{Answer, CLOSED, Grounds, INHERITED, LARGE, SMALL, TINY},
    table::{self, Targets},
};
use std::fs;

const CONNECTIONS: [usize; 3] = [1, 10, 64];

const JSON: (&str, &str) = ("Accept", "application/vnd.pypi.simple.v1+json");
const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");

/// A page to ask for, with its headers as they go over the wire.
struct Kind {
    name: &'static str,
    path: &'static str,
    headers: String,
    answer: Answer,
}

/// All kinds of pages, over few and many connections.
pub async fn measure(grounds: &Grounds, targets: &mut Targets, pace: Pace) {
    let kinds = kinds(grounds).await;
    let folder = grounds.site.path("pages");
    fs::create_dir(&folder).unwrap();
    for (number, kind) in kinds.iter().enumerate() {
        fs::write(folder.join(number.to_string()), kind.answer.file()).unwrap();
    }
    let bare = grounds.site.bare(&folder).await;
    table::heading("pages from memory, beside a bare handler that answers the same");
    let mut rates = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        for connections in CONNECTIONS {
            let before = grounds.root.metric("wheelyard_gate_queries_total").await;
            let of =
                |process, path: &str| Contender::get(&[process], path, &kind.headers, kind.answer.expected());
            let mut contenders = vec![of(&bare, &number.to_string()), of(&grounds.strict, kind.path)];
            if number == 0 {
                contenders.push(of(&grounds.late, kind.path));
            }
            let measured = compare(&contenders, connections, pace);
            let ratio = table::row(kind.name, connections, measured[0], measured[1]);
            if connections == 64 {
                rates.push(measured[1].rate);
                let queries = grounds.root.metric("wheelyard_gate_queries_total").await - before;
                let asked = pace.rounds as f64 * pace.seconds * 1.2;
                table::note("  queries of its gate a second", &format!("{:.0}", queries / asked));
            }
            if let Some(late) = measured.get(2) {
                let late_ratio = table::row("  the same, 5 ms late", connections, measured[0], *late);
                if connections == 64 {
                    promises(targets, ratio, late_ratio, measured[0], measured[1]);
                }
            }
        }
    }
    let (tiny, not_modified) = (rates[rates.len() - 2], rates[rates.len() - 1]);
    targets.add(
        &format!("304 is {:.0} % of the smallest page, at least 100", 100.0 * not_modified / tiny),
        not_modified >= tiny,
    );
}

fn promises(targets: &mut Targets, ratio: f64, late: f64, limit: Measured, strict: Measured) {
    let percent = |ratio: f64| format!("{:.0} %", ratio * 100.0);
    let what = format!("200 files, 64 connections: {} of bare, at least 60", percent(ratio));
    targets.add(&what, ratio >= 0.60);
    targets.add(&format!("the same, 5 ms late: {} of bare, at least 85", percent(late)), late >= 0.85);
    let times = strict.p99 / limit.p99;
    targets.add(&format!("the same, strict: p99 {times:.1} times bare's, under 5"), times < 5.0);
}

/// The page of 200 files first; the smallest one and the 304 last.
async fn kinds(grounds: &Grounds) -> Vec<Kind> {
    let authorization = grounds.root.authorization();
    let mut kinds = Vec::new();
    for (name, path, headers, files) in [
        ("200 files, HTML", SMALL, &[][..], 200),
        ("200 files, JSON", SMALL, &[JSON], 200),
        ("200 files, HTML, gzip", SMALL, &[GZIP], 200),
        ("200 files of a closed index, by user", CLOSED, &[("Authorization", authorization.as_str())], 200),
        ("2000 files, HTML", LARGE, &[], 2000),
        ("200 files of a mirror, inherited", INHERITED, &[], 200),
        ("1 file, HTML", TINY, &[], 1),
    ] {
        let answer = grounds.page(path, headers, files).await;
        let headers = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
        kinds.push(Kind { name, path, headers, answer });
    }
    let etag = grounds.root.get(SMALL, &[]).await.headers()["etag"].to_str().unwrap().to_owned();
    let answer = grounds.answer(SMALL, &[("If-None-Match", &etag)]).await;
    assert_eq!(answer.status, 304);
    kinds.push(Kind { name: "304", path: SMALL, headers: format!("If-None-Match: {etag}\r\n"), answer });
    kinds
}
