//! `make bench`: the release binary on a real PostgreSQL and a real object store, beside the least that a server can do.
//!
//! Ratios within one run are the result, see `docs/performance.md`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::cast_precision_loss, reason = "figures")]

#[expect(dead_code, reason = "the tests make more kinds of files")]
#[path = "../tests/it/harness/archive.rs"]
mod archive;
mod compare;
mod files;
#[expect(dead_code, reason = "the tests break forms too")]
#[path = "../tests/it/harness/form.rs"]
mod form;
mod grounds;
mod growth;
mod load;
mod pages;
mod peers;
mod person;
mod process;
mod roles;
mod site;
mod start;
mod table;
mod writes;

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
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Rounds, whose median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Measure devpi-server too, of this folder of programs
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Measure these parts alone
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// What this process is, instead of the benchmark itself
    #[arg(long, hide = true, requires = "folder")]
    role: Option<Role>,
    #[arg(hide = true)]
    folder: Option<PathBuf>,
    /// Cargo gives it
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Pages,
    Files,
    Writes,
    Growth,
    Start,
    Peers,
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
        _ => bench(&options).await,
    }
}

async fn bench(options: &Options) {
    let pace = Pace { seconds: options.seconds, rounds: options.rounds };
    let grounds = grounds::Grounds::prepare().await;
    let mut targets = table::Targets::default();
    let only = |part: Part| options.only.is_empty() || options.only.contains(&part);
    if only(Part::Pages) {
        pages::measure(&grounds, &mut targets, pace).await;
    }
    if only(Part::Files) {
        files::measure(&grounds, &mut targets, pace).await;
    }
    if let Some(programs) = options.peers.as_deref().filter(|_| only(Part::Peers)) {
        peers::measure(&grounds, &mut targets, pace, programs).await;
    }
    if only(Part::Writes) {
        writes::measure(&grounds, &mut targets, pace).await;
    }
    if only(Part::Growth) {
        growth::measure(&grounds, &mut targets, pace).await;
    }
    if only(Part::Start) {
        start::measure(&grounds).await;
    }
    targets.finish();
    grounds.site.stop().await;
}
