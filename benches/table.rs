//! The one table at the end, and whether the targets were met.

use crate::compare::Measured;

/// Rows under headings, printed as they come so that one sees it go on.
#[derive(Default)]
pub struct Table {
    targets: Vec<(String, bool)>,
}

impl Table {
    pub fn heading(&self, text: &str) {
        println!("\n{text}");
        println!(
            "  {:<34} {:>5}  {:>10} {:>10} {:>7}  {:>8} {:>8} {:>7}  {:>7}",
            "what", "conns", "limit/s", "here/s", "ratio", "p50 ms", "p99 ms", "p99 x", "cpu us"
        );
    }

    /// What was measured beside its limit; returns the ratio of rates.
    pub fn row(&self, what: &str, connections: usize, limit: Measured, here: Measured) -> f64 {
        let ratio = here.rate / limit.rate;
        println!(
            "  {what:<34} {connections:>5}  {:>10.0} {:>10.0} {:>6.0}%  {:>8.2} {:>8.2} {:>7.1}  {:>7.1}",
            limit.rate,
            here.rate,
            ratio * 100.0,
            here.p50,
            here.p99,
            here.p99 / limit.p99,
            here.cpu
        );
        ratio
    }

    /// A figure of another kind.
    pub fn note(&self, what: &str, figure: &str) {
        println!("  {what:<50} {figure}");
    }

    /// What was promised, and whether it holds.
    pub fn target(&mut self, what: &str, met: bool) {
        self.targets.push((what.to_owned(), met));
    }

    pub fn finish(self) {
        println!("\ntargets");
        for (what, met) in &self.targets {
            println!("  {} {what}", if *met { "met     " } else { "NOT MET " });
        }
        let met = self.targets.iter().filter(|(_, met)| *met).count();
        println!("{met} of {} targets met, every answer verified", self.targets.len());
    }
}
