//! `wheelyard export`: the way out, to devpi-server or to another wheelyard.

use super::progress;
use crate::{
    config::Config,
    ops::export::{self, Options as Wanted, Tally},
    service::Service,
};
use clap::Args;
use std::{path::PathBuf, time::Instant};

/// What is to be written, and where.
#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Folder to write to, empty or not there yet
    folder: PathBuf,
    /// Write password hashes and the credentials in mirror URLs too; without them nobody can log in after an import
    #[arg(long)]
    include_secrets: bool,
    /// Write the files of mirrors that are stored too (devpi: --include-mirrored-files)
    #[arg(long)]
    include_mirrored_files: bool,
    /// Files that are written at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

pub(super) async fn run(options: Options) -> Result<(), String> {
    let Options { config, folder, include_secrets, include_mirrored_files, jobs } = options;
    let service = Service::start(config).await?;
    let began = Instant::now();
    let wanted = Wanted { secrets: include_secrets, mirrored_files: include_mirrored_files };
    let all = export::read(&service, wanted).await.map_err(|error| error.to_string())?;
    let tally = Tally::default();
    let work = export::write(&service, &folder, &all, &tally, usize::from(jobs));
    progress::shown(all.files.len() as u64, || tally.progress(), work).await?;
    let (written, bytes) = tally.progress();
    let rate = progress::rate(written, bytes, began.elapsed());
    let (users, indexes) = (all.dump.users.len(), all.dump.indexes.len());
    for path in &all.left_out {
        println!("left out {path}: its name is longer than that of a file may be");
    }
    println!("wrote {users} users, {indexes} indexes, {written} files: {rate}");
    match all.left_out.len() {
        0 => Ok(()),
        count => Err(format!("{count} files were left out, see above")),
    }
}
