//! `make bench`: the release binary on a real PostgreSQL and a real object store, beside the least that a server can do.
//!
//! Ratios within one run are the result, see `docs/performance.md`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::cast_precision_loss, reason = "figures")]

#[path = "../tests/it/harness/archive.rs"]
mod archive;
mod compare;
mod load;
mod person;
mod process;
mod roles;
mod site;

use clap::Parser;
use compare::Pace;
use std::path::PathBuf;

/// As wheelyard has it, so that the limit is none of the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures wheelyard and prints one table.
#[derive(Parser)]
struct Options {
    /// Seconds for each figure and round
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds, whose median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What this process is, instead of the benchmark itself
    #[arg(long, hide = true, requires = "folder")]
    role: Option<Role>,
    #[arg(hide = true)]
    folder: Option<PathBuf>,
    /// Cargo gives it
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Role {
    ObjectStore,
    Bare,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    match (options.role, &options.folder) {
        (Some(Role::ObjectStore), Some(folder)) => roles::object_store(folder).await,
        (Some(Role::Bare), Some(folder)) => roles::bare(folder).await,
        _ => bench(Pace { seconds: options.seconds, rounds: options.rounds }).await,
    }
}

async fn bench(pace: Pace) {
    use compare::{Contender, compare};
    use load::Expected;
    let site = site::Site::start().await;
    let database = site.database("main").await;
    site.init(&database).await;
    let strict = site.wheelyard(&database, &[]).await;
    let stale = site.wheelyard(&database, &["--read-staleness", "5"]).await;
    let root = person::Person::new(&strict.url, "root");
    root.index("private", person::stage(&[])).await;
    root.fill("private", "small", person::wheels("small", 0..200)).await;
    let page = root.get("root/private/+simple/small/", &[]).await.bytes().await.unwrap().to_vec();
    println!("page of {} bytes", page.len());
    let folder = site.path("bare");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("page"), &page).unwrap();
    let bare = site.bare(&folder).await;
    let expected = Expected::body(200, page);
    let not = root.get("root/private/+simple/small/", &[]).await;
    let etag = not.headers()["etag"].to_str().unwrap().to_owned();
    let contenders = [
        Contender::get("bare", &[&bare], "page", "", expected.clone()),
        Contender::get("strict", &[&strict], "root/private/+simple/small/", "", expected.clone()),
        Contender::get("stale", &[&stale], "root/private/+simple/small/", "", expected),
        Contender::get("bare 304", &[&bare], "304", "", Expected::any(304)),
        Contender::get(
            "strict 304",
            &[&strict],
            "root/private/+simple/small/",
            &format!("If-None-Match: {etag}\r\n"),
            Expected::any(304),
        ),
    ];
    for connections in [1, 10, 64] {
        let before = root.metric("wheelyard_gate_queries_total").await;
        let measured = compare(&contenders, connections, pace);
        println!("gate queries {}", root.metric("wheelyard_gate_queries_total").await - before);
        for (contender, figures) in contenders.iter().zip(measured) {
            println!("{connections:3} {:12} {figures:?}", contender.name);
        }
    }
    site.stop().await;
}
