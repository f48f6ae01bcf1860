//! The one table at the end, and whether the targets were met.

use crate::compare::Measured;

/// Rows of [`row`] follow; they are printed as they come, so that one sees it go on.
pub fn heading(text: &str) {
    println!("\n{text}");
    println!(
        "  {:<34} {:>5}  {:>10} {:>10} {:>7}  {:>8} {:>8} {:>7}  {:>7} {:>7}",
        "what", "conns", "limit/s", "here/s", "ratio", "p50 ms", "p99 ms", "p99 x", "cpu us", "here"
    );
}

/// Figures of another kind follow.
pub fn section(text: &str) {
    println!("\n{text}");
}

/// What was measured beside its limit; returns the ratio of rates.
pub fn row(what: &str, connections: usize, limit: Measured, here: Measured) -> f64 {
    let ratio = here.rate / limit.rate;
    println!(
        "  {what:<34} {connections:>5}  {:>10.0} {:>10.0} {:>6.0}%  {:>8.2} {:>8.2} {:>7.1}  {:>7.1} {:>7.1}",
        limit.rate,
        here.rate,
        ratio * 100.0,
        here.p50,
        here.p99,
        here.p99 / limit.p99,
        limit.cpu,
        here.cpu
    );
    ratio
}

/// A figure of another kind.
pub fn note(what: &str, figure: &str) {
    println!("  {what:<53} {figure}");
}

/// What was promised.
#[derive(Default)]
pub struct Targets(Vec<(String, bool)>);

impl Targets {
    /// What was promised, and whether it holds.
    pub fn add(&mut self, what: &str, met: bool) {
        self.0.push((what.to_owned(), met));
    }

    pub fn finish(self) {
        println!("\ntargets");
        for (what, met) in &self.0 {
            println!("  {} {what}", if *met { "met     " } else { "NOT MET " });
        }
        let met = self.0.iter().filter(|(_, met)| *met).count();
        println!("{met} of {} targets met, no answer was wrong", self.0.len());
    }
}
