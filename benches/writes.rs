//! Writers: how fast they are, that what is there already does not slow them down, and what they cost the readers.

use crate::{
    compare::{Contender, Pace, compare, median},
    grounds::{Grounds, LARGE, SMALL},
    load::{Expected, Load, Requests},
    person::{stage, wheels},
    process::Process,
    table::{self, Targets},
};
use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Uploads for one figure, and between two when a writer writes beside readers.
const UPLOADS: usize = 200;
const PAUSE: Duration = Duration::from_millis(100);

/// All of it.
pub async fn measure(grounds: &Grounds, targets: &mut Targets, pace: Pace) {
    let (second, third) = (
        grounds.site.wheelyard(&grounds.database, &[]).await,
        grounds.site.wheelyard(&grounds.database, &[]).await,
    );
    let fleet = [&grounds.strict, &second, &third];
    let small = grounds.page(SMALL, &[], 200).await;
    let folder = grounds.site.path("page");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("page"), small.file()).unwrap();
    let bare = grounds.site.bare(&folder).await;

    table::heading("200 files, HTML, from one process and from three on the same machine");
    let expected = small.expected();
    let contenders = [
        Contender::get(&[&bare], "page", "", expected.clone()),
        Contender::get(&fleet[..1], SMALL, "", expected.clone()),
        Contender::get(&fleet, SMALL, "", expected),
    ];
    let measured = compare(&contenders, 64, pace);
    table::row("1 process", 64, measured[0], measured[1]);
    table::row("3 processes", 64, measured[0], measured[2]);

    rebuilding(grounds, targets).await;
    beside_readers(grounds, &bare, targets, pace).await;
    uploading(grounds, &fleet, targets).await;
}

/// New small wheels of a project, from this version on.
fn uploads(
    grounds: &Grounds,
    servers: &[&Process],
    index: &str,
    name: &str,
    from: usize,
    count: usize,
) -> Load {
    let requests = wheels(name, from..from + count).into_iter();
    let requests = requests.map(|(version, wheel)| grounds.root.upload(index, name, &version, &wheel));
    Load {
        addresses: servers.iter().map(|server| server.address).collect(),
        requests: Requests::Once(Arc::new(requests.collect())),
        expected: Expected::any(200),
    }
}

/// Uploads by one and by eight, to one process and to three; and to projects with few and many releases.
async fn uploading(grounds: &Grounds, fleet: &[&Process], targets: &mut Targets) {
    table::section("uploads of small wheels: a second, p50 and p99 in milliseconds");
    grounds.root.index("uploads", stage(&[])).await;
    let hour = Duration::from_secs(3600);
    let one = &fleet[..1];
    let mut from = 0;
    for (what, servers, uploaders) in
        [("1 uploader", one, 1), ("8 uploaders", one, 8), ("8 uploaders, 3 processes", fleet, 8)]
    {
        let load = uploads(grounds, servers, "uploads", "new", from, UPLOADS);
        from += UPLOADS;
        let figures = load.run(uploaders, hour);
        table::note(what, &figures.text());
    }
    grounds.page("root/uploads/+simple/new/", &[], from).await;

    let mut times = Vec::new();
    for releases in [1, 200, 2_000, 10_000] {
        let name = format!("of{releases}");
        grounds.root.fill("uploads", &name, wheels(&name, 0..1)).await;
        grow(grounds, &name, releases).await;
        let load = uploads(grounds, one, "uploads", &name, 20_000, UPLOADS / 2);
        let figures = load.run(1, hour);
        times.push(figures.percentile(50));
        table::note(&format!("1 uploader, project of {releases} releases"), &figures.text());
    }
    let worst = times.iter().copied().fold(0.0, f64::max) / times[0];
    targets.add(
        &format!("an upload to 10,000 releases and less: {worst:.2} times one to 1, at most 1.25"),
        worst <= 1.25,
    );
}

/// Gives a project this many releases, by copies of the one that it has.
async fn grow(grounds: &Grounds, name: &str, releases: usize) {
    let statements = include_str!("releases.sql").replace("{name}", name);
    let statements = statements.replace("{releases}", &releases.to_string());
    grounds.site.execute(&grounds.database, &statements).await;
}

/// How often a page is made anew.
const REBUILT: usize = 15;

/// The first page after an upload, of a small and of a large project.
async fn rebuilding(grounds: &Grounds, targets: &mut Targets) {
    table::section("a page that is made anew from the database after an upload: milliseconds");
    let mut medians = Vec::new();
    for (project, path, files) in [("small", SMALL, 200), ("large", LARGE, 2000)] {
        let mut times = Vec::new();
        for number in 0..REBUILT {
            grounds.root.fill("private", project, wheels(project, 50_000 + number..50_001 + number)).await;
            times.push(Contender::get(&[&grounds.strict], path, "", Expected::any(200)).load.once());
            grounds.page(path, &[], files + number + 1).await;
        }
        medians.push(median(times));
        table::note(&format!("{files} files"), &format!("{:>8.2}", medians[medians.len() - 1]));
    }
    let ratio = medians[1] / medians[0];
    targets
        .add(&format!("2000 files are rebuilt in {ratio:.1} times the time of 200, under 10"), ratio < 10.0);
}

/// Readers of a page while nobody writes, while somebody writes to another project, and to the same.
async fn beside_readers(grounds: &Grounds, bare: &Process, targets: &mut Targets, pace: Pace) {
    table::heading("200 files, HTML, while one uploads ten times a second, also while the limit is measured");
    let rendered = async || grounds.root.metric("wheelyard_pages_rendered_total").await;
    let small = grounds.page(SMALL, &[], 200 + REBUILT).await;
    let limit = Contender::get(&[bare], "page", "", Expected::any(200));
    let here = Contender::get(&[&grounds.strict], SMALL, "", small.expected());
    let alone = compare(&[limit.clone(), here.clone()], 64, pace);
    let ratio = table::row("nobody writes", 64, alone[0], alone[1]);
    let (other, _) = beside_project(grounds, "other", || compare(&[limit.clone(), here], 64, pace));
    let share = table::row("to another project", 64, other[0], other[1]) / ratio;
    targets.add(
        &format!("a writer to another project leaves {:.0} % of the ratio, at least 95", share * 100.0),
        share >= 0.95,
    );

    // The page grows with each upload, and so only its status is known before.
    let grows = Contender::get(&[&grounds.strict], SMALL, "", Expected::any(200));
    let before = rendered().await;
    let (same, writes) = beside_project(grounds, "small", || compare(&[grows], 64, pace));
    let pages = rendered().await - before;
    table::row("to the same (limit: nobody writes)", 64, alone[0], same[0]);
    table::note("  uploads, and pages that were rendered", &format!("{writes}, {pages:.0}"));
    let what = format!("{writes} uploads to the project: {pages:.0} pages rendered, at most one each");
    targets.add(&what, pages <= writes as f64 + 1.0);
    grounds.page(SMALL, &[], 200 + REBUILT + writes).await;
}

/// Uploads to a project while something runs; how many there were comes with it.
fn beside_project<T>(grounds: &Grounds, project: &str, work: impl FnOnce() -> T) -> (T, usize) {
    let load = uploads(grounds, &[&grounds.late], "private", project, 60_000, 2_000);
    let Requests::Once(requests) = load.requests else { unreachable!("uploads are all different") };
    beside(grounds.late.address, requests.to_vec(), work)
}

/// Sends one request after the other to a server, ten a second, while something runs; how many there were comes with it.
///
/// # Panics
/// When there are not enough of them.
pub fn beside<T>(server: SocketAddr, requests: Vec<Vec<u8>>, work: impl FnOnce() -> T) -> (T, usize) {
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let done = done.clone();
        thread::spawn(move || {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                let requests = Requests::Same(requests[written].clone());
                Load { addresses: vec![server], requests, expected: Expected::any(200) }.once();
                written += 1;
                thread::sleep(PAUSE.saturating_sub(began.elapsed()));
            }
            written
        })
    };
    let outcome = work();
    done.store(true, Ordering::Relaxed);
    (outcome, writer.join().unwrap())
}
