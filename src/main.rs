//! Runs one command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match wheelyard::cli::run(wheelyard::cli::Cli::of_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("wheelyard: {message}");
            ExitCode::FAILURE
        }
    }
}
