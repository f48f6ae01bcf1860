//! Measures several servers in turns, so that what else the machine does hits all of them alike.

use crate::{
    load::{Expected, Load, Requests},
    process::Process,
};
use std::time::Duration;

/// How long and how often each is measured.
#[derive(Clone, Copy)]
pub struct Pace {
    pub seconds: f64,
    pub rounds: usize,
}

/// One who takes part.
#[derive(Clone)]
pub struct Contender<'a> {
    pub load: Load,
    /// Whose processor time counts.
    pub processes: Vec<&'a Process>,
}

impl<'a> Contender<'a> {
    /// Asks these for a path, with these headers, and expects just this.
    pub fn get(processes: &[&'a Process], path: &str, headers: &str, expected: Expected) -> Self {
        let addresses = processes.iter().map(|process| process.address).collect();
        let requests = Requests::Same(request(path, headers));
        Self { load: Load { addresses, requests, expected }, processes: processes.to_vec() }
    }
}

/// A GET as it goes over the wire; the headers end with a line break each.
pub fn request(path: &str, headers: &str) -> Vec<u8> {
    format!("GET /{path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n{headers}\r\n").into_bytes()
}

/// Medians over the rounds.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Answers a second.
    pub rate: f64,
    /// In milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Processor time of the server for each answer, in microseconds.
    pub cpu: f64,
}

/// Measures each contender in each round; the order is that of the contenders.
pub fn compare(contenders: &[Contender<'_>], connections: usize, pace: Pace) -> Vec<Measured> {
    let mut rounds = vec![Vec::new(); contenders.len()];
    for _ in 0..pace.rounds {
        for (contender, rounds) in contenders.iter().zip(&mut rounds) {
            contender.load.run(connections, Duration::from_secs_f64(pace.seconds / 5.0));
            let cpu = || contender.processes.iter().map(|process| process.cpu()).sum::<f64>();
            let before = cpu();
            let figures = contender.load.run(connections, Duration::from_secs_f64(pace.seconds));
            rounds.push(Measured {
                rate: figures.rate(),
                p50: figures.percentile(50),
                p99: figures.percentile(99),
                cpu: (cpu() - before) * 1e6 / figures.times.len() as f64,
            });
        }
    }
    let of = |rounds: &[Measured], get: fn(&Measured) -> f64| median(rounds.iter().map(get).collect());
    let medians = rounds.iter().map(|rounds| Measured {
        rate: of(rounds, |it| it.rate),
        p50: of(rounds, |it| it.p50),
        p99: of(rounds, |it| it.p99),
        cpu: of(rounds, |it| it.cpu),
    });
    medians.collect()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
