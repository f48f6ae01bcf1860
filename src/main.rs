//! Runs one command.

use mimalloc::MiMalloc;
use std::{process::ExitCode, time::Duration};
use tokio::runtime::Runtime;

/// The system's own takes a fifth of the time of a page from memory, half of it in wait for its locks.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long work on blocking threads, which nothing can stop, is waited for at the end.
const BLOCKING_WORK: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let _last_lines = wheelyard::cli::LastLines;
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
