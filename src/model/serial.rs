//! The number of a change.

use std::fmt;

/// The number of the last change to anything a reader can see; 0 before the first (devpi: `X-DEVPI-SERIAL`).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(pub i64);

impl Serial {
    /// Stands for now, whatever the serial is, where a state as of a serial is asked for.
    ///
    /// One less than what stands for "not removed" in the indexes of the database.
    pub const NOW: Self = Self(i64::MAX - 1);
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
