//! `wheelyard theme`: a theme to start from.

use crate::http;
use clap::Subcommand;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// What to do about themes.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Write the default theme to a folder; what is not changed there is best deleted again
    Init {
        /// Folder to write to; no file in it is overwritten
        folder: PathBuf,
    },
}

pub(super) fn run(Command::Init { folder }: Command) -> Result<(), String> {
    for (name, _) in http::default_theme() {
        if fs::symlink_metadata(folder.join(&name)).is_ok() {
            return Err(format!("{} is there already; nothing was written", folder.join(name).display()));
        }
    }
    let mut count = 0;
    for (name, content) in http::default_theme() {
        let path = folder.join(name);
        write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        count += 1;
    }
    println!("wrote {count} files to {}; serve them with --theme {}", folder.display(), folder.display());
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    File::create_new(path)?.write_all(content)
}
