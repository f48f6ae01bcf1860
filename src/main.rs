//! Runs one command.

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match wheelyard::cli::run(wheelyard::cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("wheelyard: {message}");
            ExitCode::FAILURE
        }
    }
}
