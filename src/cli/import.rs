//! `wheelyard import`: the way in from devpi-server.

use super::progress;
use crate::{
    config::Config,
    ops::import::{self, Report, Tally},
    service::Service,
};
use clap::Args;
use std::{path::PathBuf, time::Instant};

/// What is to be taken over, and to where.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Folder that `devpi-server --export` or `wheelyard export` wrote
    folder: PathBuf,
    /// Read all and check every digest, but take nothing; needs neither database nor bucket
    #[arg(long)]
    dry_run: bool,
    /// Releases that are worked on at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

pub(super) async fn run(options: Options) -> Result<(), String> {
    let Options { config, folder, dry_run, jobs } = options;
    let service = match dry_run {
        true => None,
        false => Some(Service::start(config).await?),
    };
    match take(service.as_ref(), folder, usize::from(jobs)).await? {
        0 => Ok(()),
        count => Err(format!("{count} parts of the export were not taken, see above")),
    }
}

/// Takes over an export, or without a service only checks it, and prints what came of it; returns how many parts of it
/// were refused.
///
/// # Errors
/// A text for the operator.
pub(super) async fn take(service: Option<&Service>, folder: PathBuf, jobs: usize) -> Result<usize, String> {
    let read = tokio::task::spawn_blocking(move || import::plan(&folder));
    let (folder, mut plan) = read.await.map_err(|error| error.to_string())??;
    let files = plan.files().count() as u64;
    let (tally, began) = (Tally::default(), Instant::now());
    let work = async {
        match service {
            Some(service) => import::run(service, &folder, &mut plan, &tally, jobs).await,
            None => import::check(&folder, &mut plan, &tally, jobs).await,
        }
    };
    let outcome = progress::shown(files, || tally.progress(), work).await;
    let report = tally.into_report();
    print(&report, service.is_none(), began);
    match outcome {
        Ok(()) => Ok(report.refused.len()),
        Err(error) => Err(format!("stopped: {error}; run the same command again to go on")),
    }
}

fn print(report: &Report, dry_run: bool, began: Instant) {
    let Report { users, indexes, releases, files, bytes, present, remarks, refused, .. } = report;
    for remark in remarks {
        println!("{} {}", remark.what, remark.why);
    }
    for refused in refused {
        println!("refused {}: {}", refused.what, refused.why);
    }
    let what = if dry_run { "would take" } else { "took" };
    let rate = progress::rate(*files, *bytes, began.elapsed());
    println!("{what} {users} users, {indexes} indexes, {releases} releases, {files} files: {rate}");
    if *present > 0 {
        println!("{present} files were there already");
    }
}
