//! Log lines on their way to standard error.
//!
//! One line a request, each written by itself, would cost as much as the rest of a page from memory: the system call, and
//! threads that wait for each other. So lines are gathered and written together, within a moment.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most; a process that is killed loses no more. Warnings and errors do not wait.
const WAIT: Duration = Duration::from_millis(50);

/// With more than this, in bytes, they are written at once.
const FULL: usize = 256 << 10;

static LINES: OnceLock<Lines> = OnceLock::new();

/// Writes what waits when it is dropped: for the end of the program, also by a panic.
pub struct LastLines;

impl Drop for LastLines {
    fn drop(&mut self) {
        if let Some(lines) = LINES.get() {
            lines.flush();
        }
    }
}

/// The lines that wait.
pub struct Lines {
    gathered: bool,
    waiting: Mutex<Vec<u8>>,
    /// Held while lines are written, so that they stay in order.
    writing: Mutex<()>,
}

impl Lines {
    /// Writes lines from now on; with `gathered` false each at once. One for the process, the first.
    pub fn start(gathered: bool) -> &'static Self {
        let lines: &Self =
            LINES.get_or_init(|| Self { gathered, waiting: Mutex::default(), writing: Mutex::default() });
        if gathered {
            thread::spawn(|| {
                loop {
                    thread::sleep(WAIT);
                    lines.flush();
                }
            });
        }
        lines
    }

    fn flush(&self) {
        let _writing = lock(&self.writing);
        let bytes = std::mem::take(&mut *lock(&self.waiting));
        // Where lines cannot be written, there is nobody to tell it to.
        let _ = io::stderr().write_all(&bytes);
    }
}

impl<'a> MakeWriter<'a> for &'static Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, at_once: !self.gathered }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line { lines: self, at_once: !self.gathered || *of.level() <= Level::WARN }
    }
}

/// Where one line is written to.
pub struct Line<'a> {
    lines: &'a Lines,
    at_once: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut waiting = lock(&self.lines.waiting);
        waiting.extend_from_slice(text);
        self.at_once |= waiting.len() > FULL;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.at_once {
            self.lines.flush();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(gathered: bool) -> &'static Lines {
        Box::leak(Box::new(Lines { gathered, waiting: Mutex::default(), writing: Mutex::default() }))
    }

    fn waiting(lines: &Lines) -> String {
        String::from_utf8(lock(&lines.waiting).clone()).unwrap()
    }

    #[test]
    fn lines_wait_in_their_order_until_one_matters() {
        let lines = lines(true);
        for text in ["one\n", "two\n"] {
            lines.make_writer().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(waiting(lines), "one\ntwo\n");
        Line { lines, at_once: true }.write_all(b"three\n").unwrap();
        assert_eq!(waiting(lines), "");
    }

    #[test]
    fn too_many_lines_do_not_wait_and_none_does_where_they_are_not_gathered() {
        let lines = lines(true);
        lines.make_writer().write_all(" ".repeat(FULL + 1).as_bytes()).unwrap();
        assert_eq!(waiting(lines), "");
        let at_once = self::lines(false);
        at_once.make_writer().write_all(b"one\n").unwrap();
        assert_eq!(waiting(at_once), "");
    }
}
