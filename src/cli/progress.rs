//! How far a long command is: a bar on a terminal, else a line now and then.

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How often the bar is drawn.
const DRAWN: Duration = Duration::from_millis(200);

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// Waits for work on so many files, and shows meanwhile what `progress` says: files seen to, and bytes.
pub(super) async fn shown<T>(
    files: u64,
    progress: impl Fn() -> (u64, u64),
    work: impl Future<Output = T>,
) -> T {
    let began = Instant::now();
    let (bar, every) = match std::io::stderr().is_terminal() {
        true => (Some(bar(files)), DRAWN),
        false => (None, LINE),
    };
    let mut work = std::pin::pin!(work);
    loop {
        let outcome = tokio::time::timeout(every, work.as_mut()).await;
        let (done, bytes) = progress();
        let message = rate(done, bytes, began.elapsed());
        match (&bar, &outcome) {
            (Some(bar), Err(_)) => {
                bar.set_position(done);
                bar.set_message(message);
            }
            (Some(bar), Ok(_)) => bar.finish_and_clear(),
            (None, Err(_)) => eprintln!("{done} of {files} files, {message}"),
            (None, Ok(_)) => {}
        }
        if let Ok(outcome) = outcome {
            return outcome;
        }
    }
}

fn bar(files: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} files, {msg}, {eta} left");
    ProgressBar::new(files).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// So many files and bytes in this time, for people.
pub(super) fn rate(files: u64, bytes: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (files, megabytes) = (files as f64 / seconds, bytes as f64 / 1e6 / seconds);
    format!("{}, {files:.1} files/s, {megabytes:.1} MB/s", HumanBytes(bytes))
}
