//! Runs one command.

use std::{process::ExitCode, time::Duration};
use tokio::runtime::Runtime;

/// How long work on blocking threads, which nothing can stop, is waited for at the end.
const BLOCKING_WORK: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = wheelyard::cli::Cli::of_process();
    let outcome = Runtime::new().map_err(|error| error.to_string()).and_then(|runtime| {
        let outcome = runtime.block_on(wheelyard::cli::run(cli));
        runtime.shutdown_timeout(BLOCKING_WORK);
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("wheelyard: {message}");
            ExitCode::FAILURE
        }
    }
}
