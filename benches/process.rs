//! The processes that are measured, and what the kernel says of them.

use std::{
    fs::File,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A process that serves; killed when dropped.
pub struct Process {
    pub url: String,
    pub address: SocketAddr,
    /// From its start until it said its URL.
    pub started: Duration,
    child: Child,
    began: Instant,
}

impl Process {
    /// Starts a command and waits until it says its URL; what it logs goes to a file.
    pub async fn start(command: &mut Command, log: &Path) -> Self {
        Self::start_saying(command, log).await.0
    }

    /// The same, with the line that it said.
    pub async fn start_saying(command: &mut Command, log: &Path) -> (Self, String) {
        let began = Instant::now();
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().expect("can't be started");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
        let line = line.expect("no URL within a minute").unwrap().expect("ended before it served");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("no URL");
        let address = url.trim_start_matches("http://").parse().expect("no address");
        (Self { url: url.to_owned(), address, started: began.elapsed(), child, began }, line)
    }

    /// Starts a command that says no URL, and waits until it answers on its port.
    pub async fn start_at(command: &mut Command, port: u16, log: &Path) -> Self {
        let began = Instant::now();
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true).spawn();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "does not serve within a minute");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let url = format!("http://{address}");
        Self { url, address, started: began.elapsed(), child: child.expect("can't be started"), began }
    }

    /// Since its start.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Memory in use and the most there ever was, in MiB.
    pub fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
            let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
            kib / 1024.0
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Processor time used so far, in seconds.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        // Behind the name, which may hold spaces: state is field 3, user and system time are 14 and 15, in ticks of
        // a hundredth of a second.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        ticks.sum::<f64>() / 100.0
    }

    fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }
}
