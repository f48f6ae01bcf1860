//! How cost grows: many projects, many indexes, deep inheritance.

use crate::{
    compare::{Contender, Pace, compare, request},
    grounds::Grounds,
    load::{Expected, Load, Requests},
    person::{Person, stage, wheels},
    table::{self, Targets},
    writes::beside,
};
use std::{sync::Arc, time::Duration};

const PROJECTS: usize = 100_000;
const INDEXES: usize = 10_000;
const DEEP: usize = 10;

pub async fn measure(grounds: &Grounds, targets: &mut Targets, pace: Pace) {
    let site = &grounds.site;
    let database = site.database("grown").await;
    site.init(&database).await;
    let server = site.wheelyard(&database, &[]).await;
    let root = Person::new(&server.url, "root");
    for name in ["narrow", "wide", "empty"] {
        root.index(name, stage(&[])).await;
    }
    let mut base = "root/narrow".to_owned();
    for number in 1..=DEEP {
        root.index(&format!("deep{number}"), stage(&[&base])).await;
        base = format!("root/deep{number}");
    }
    root.fill("narrow", "one", wheels("one", 0..20)).await;
    root.fill("wide", "model", wheels("model", 0..1)).await;
    root.fill("wide", "one", wheels("one", 0..20)).await;
    let sql = include_str!("growth.sql").replace("{projects}", &PROJECTS.to_string());
    site.execute(&database, &sql.replace("{indexes}", &INDEXES.to_string())).await;

    table::heading("a page of 20 files where there is much else, beside the same on an index of its own");
    // Somebody writes elsewhere, so that serials are looked at anew again and again.
    let mut contenders = Vec::new();
    for index in ["narrow", "wide", &format!("deep{DEEP}")] {
        let path = format!("root/{index}/+simple/one/");
        let body = root.get(&path, &[]).await.bytes().await.unwrap();
        contenders.push(Contender::get(&[&server], &path, "", Expected::body(200, body.to_vec())));
    }
    let uploads = wheels("elsewhere", 0..2_000).into_iter();
    let uploads = uploads.map(|(version, wheel)| root.upload("narrow", "elsewhere", &version, &wheel));
    let (measured, _) = beside(server.address, uploads.collect(), || compare(&contenders, 64, pace));
    let wide = table::row("100,000 projects, 10,000 indexes", 64, measured[0], measured[1]);
    let deep = table::row("10 bases deep", 64, measured[0], measured[2]);
    for (what, ratio) in [("100,000 projects", wide), ("10 bases deep", deep)] {
        targets.add(&format!("{what}: {:.0} % of the rate, at least 90", ratio * 100.0), ratio >= 0.90);
    }

    table::section("first sights there: a second, p50 and p99 in milliseconds; memory in MiB afterwards");
    let note = |what: &str, paths: Vec<String>, connections| {
        let requests = paths.iter().map(|path| request(path, "")).collect();
        let load = Load {
            addresses: vec![server.address],
            requests: Requests::Once(Arc::new(requests)),
            expected: Expected::any(200),
        };
        let figures = load.run(connections, Duration::from_secs(600));
        table::note(what, &format!("{} {:>8.0}", figures.text(), server.memory().0));
    };
    note("one page (nothing yet)", vec!["root/narrow/+simple/one/".into()], 1);
    let project = |number: usize| format!("root/wide/+simple/project-{number}/");
    note("5,000 projects, 10 at once", (1..=5_000).map(project).collect(), 10);
    note("15,000 further projects", (5_001..=20_000).map(project).collect(), 10);
    note(
        "10,000 indexes (list of projects)",
        (1..=INDEXES).map(|n| format!("root/index-{n}/+simple/")).collect(),
        10,
    );
    note("list of 100,000 projects", vec!["root/wide/+simple/".into()], 1);
    note("the same again", vec!["root/wide/+simple/".into()], 1);
}
