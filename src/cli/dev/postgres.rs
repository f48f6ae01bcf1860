//! A Postgres of our own, run from the programs found on the machine.
//!
//! For `dev` and the tests, instead of a database in a cloud. It belongs to one data folder and listens on
//! 127.0.0.1 only, where other accounts of the machine may knock, so it asks for a password. It does not know
//! wheelyard's settings, its environment or its schema.
//!
//! In the data folder: `postgres/` the cluster, `postgres.new-*/` clusters in the making,
//! `postgres.password`, `postgres.port`, `postgres.log`, and `postgres.lock`, held while a wheelyard uses the
//! folder.

use std::{
    fs::{File, OpenOptions, Permissions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command as StdCommand, Stdio},
    time::Duration,
};

use tokio::{
    fs,
    net::TcpListener,
    process::{Child, Command},
    time::{sleep, timeout},
};
use tokio_postgres::NoTls;
use tracing::{info, warn};

use super::{StartError, at, blocking, random_word};

/// How long a start may take, the making of the cluster included.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long to wait before looking again, and before starting again.
const POLL: Duration = Duration::from_millis(20);
const NEXT_START: Duration = Duration::from_millis(250);

/// The modes of `pg_ctl stop`, and the seconds given to each; after `immediate` the next start recovers.
const WAYS_TO_STOP: [(&str, &str); 2] = [("fast", "30"), ("immediate", "5")];

/// Where Debian, Red Hat and the two homebrews put Postgres's programs: `folder/prefix<version>/bin`.
const INSTALLED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// What Postgres says when another start may succeed: a port taken since we looked, a killed server whose
/// last processes are not gone yet, and one that was just starting when its wheelyard was killed.
const WORTH_ANOTHER_START: [&str; 3] =
    ["Address already in use", "is still in use", "lock file \"postmaster.pid\" already exists"];

/// What committed data survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut.
    Full,
    /// The end of a process, but not of the machine: for tests, and much faster.
    None,
}

/// A running Postgres; dropped without [`Postgres::stop`] it is killed, unless it was adopted.
pub struct Postgres {
    url: String,
    child: Option<Child>, // `None`: adopted
    cluster: Cluster,     // with the lock, which is let go last
}

impl Postgres {
    /// Starts the Postgres of `data_dir`, and makes both where they are missing.
    ///
    /// A server that a killed wheelyard left running there is adopted, with the durability it was started
    /// with. `programs` is the folder of `initdb`, `postgres` and `pg_ctl`; without it they are looked for.
    /// As root, the account `postgres` or else `nobody` runs them and is given the cluster.
    ///
    /// # Errors
    /// All of [`StartError`] but [`StartError::S3`].
    pub async fn start(
        data_dir: &Path,
        programs: Option<&Path>,
        durability: Durability,
    ) -> Result<Self, StartError> {
        let (data_dir, programs) = (data_dir.to_owned(), programs.map(Path::to_owned));
        let (cluster, unfinished) = blocking(move || {
            let cluster = Cluster::open(&data_dir, programs, durability)?;
            let unfinished = cluster.prepare().map_err(at(&cluster.folder))?;
            Ok((cluster, unfinished))
        })
        .await?;
        let Ok(started) = timeout(READY_WITHIN, cluster.run(unfinished)).await else {
            return Err(cluster.failure(format!("was not ready within {READY_WITHIN:?}")).await);
        };
        let (child, url) = started?;
        Ok(Self { url, child, cluster })
    }

    /// The URL of the database `postgres`, with the password of its superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends sessions, rolls back their transactions and stops, within some 40 seconds at the worst.
    pub async fn stop(mut self) {
        for (mode, seconds) in WAYS_TO_STOP {
            let mut pg_ctl = self.cluster.command("pg_ctl");
            pg_ctl.args(["stop", "--silent", "-m", mode, "-t", seconds, "-D"]).arg(self.cluster.path());
            match pg_ctl.stdout(Stdio::null()).stderr(Stdio::null()).status().await {
                Ok(status) if status.success() => break,
                failure => warn!(?failure, mode, "PostgreSQL could not be stopped"),
            }
        }
        if let Some(child) = &mut self.child {
            let _ = timeout(Duration::from_secs(5), child.wait()).await;
        }
    }
}

/// The cluster of one data folder, and who runs which programs on it.
#[derive(Debug)]
struct Cluster {
    folder: PathBuf,          // the data folder, absolute
    programs: PathBuf,        // the folder of Postgres's programs
    account: Option<Account>, // who runs them; `None`: we ourselves
    durability: Durability,
    log: File,
    _lock: File,
}

impl Cluster {
    /// Takes the data folder for this process, and finds programs and account for it.
    fn open(data_dir: &Path, programs: Option<PathBuf>, durability: Durability) -> Result<Self, StartError> {
        std::fs::create_dir_all(data_dir).map_err(at(data_dir))?;
        let folder = data_dir.canonicalize().map_err(at(data_dir))?;
        let lock = private_file(&folder.join("postgres.lock")).map_err(at(&folder))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::InUse(folder)),
            Err(TryLockError::Error(error)) => return Err(at(&folder)(error)),
        }
        let version = std::fs::read_to_string(folder.join("postgres/PG_VERSION")).unwrap_or_default();
        let programs = find_programs(programs, version.trim().parse().ok())?;
        let account = Account::instead_of_root()?;
        if let Some(account) = &account {
            account.admit_to(&folder)?;
        }
        let log = private_file(&folder.join("postgres.log")).map_err(at(&folder))?;
        Ok(Self { folder, programs, account, durability, log, _lock: lock })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// If there is no cluster yet, makes its password, and a folder for `initdb` beside the cluster's place.
    ///
    /// So what is killed half-way is never taken for a cluster. It is swept away here, as far as an `initdb`
    /// that survived its wheelyard lets us.
    fn prepare(&self) -> io::Result<Option<PathBuf>> {
        for entry in self.folder.read_dir()? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"postgres.new-")) {
                let _ = std::fs::remove_dir_all(path);
            }
        }
        if self.path().join("PG_VERSION").try_exists()? {
            return Ok(None);
        }
        let password = self.folder.join("postgres.password");
        let mut file = private_file(&password)?;
        file.set_len(0)?;
        file.write_all(random_word(32).as_bytes())?;
        file.sync_all()?;
        let unfinished = self.folder.join(format!("postgres.new-{}", random_word(8)));
        std::fs::create_dir(&unfinished)?;
        if let Some(Account { uid, gid, .. }) = self.account {
            chown(&password, Some(uid), Some(gid))?;
            chown(&unfinished, Some(uid), Some(gid))?;
        }
        Ok(Some(unfinished))
    }

    /// The server that a killed wheelyard left behind, else a new one with its process: a URL that works.
    async fn run(&self, unfinished: Option<PathBuf>) -> Result<(Option<Child>, String), StartError> {
        if let Some(unfinished) = unfinished {
            info!("making a PostgreSQL cluster in {}", self.path().display());
            let status =
                self.spawn(self.initdb(&unfinished)).await?.wait().await.map_err(at(&self.folder))?;
            if !status.success() {
                return Err(self.failure(format!("could not make its cluster ({status})")).await);
            }
            fs::rename(&unfinished, self.path()).await.map_err(at(&self.folder))?;
        }
        let password = self.folder.join("postgres.password");
        let password = fs::read_to_string(&password).await.map_err(at(&password))?;
        let url_at = |port| format!("postgres://wheelyard:{password}@127.0.0.1:{port}/postgres");
        loop {
            if let Some(survivor) = self.survivor().await.map_err(at(&self.folder))? {
                let url = url_at(survivor.port);
                if survivor.is_ready && tokio_postgres::connect(&url, NoTls).await.is_ok() {
                    info!(pid = survivor.pid, "found PostgreSQL still running");
                    return Ok((None, url));
                }
                sleep(NEXT_START).await; // it starts, or it ends
                continue;
            }
            let port = self.choose_port().await.map_err(at(&self.folder))?;
            let url = url_at(port);
            let mut child = self.spawn(self.server(port)).await?;
            let status = loop {
                if let Some(status) = child.try_wait().map_err(at(&self.folder))? {
                    break status;
                }
                let postmaster = self.postmaster().await;
                if postmaster.is_none_or(|it| !it.is_ready || Some(it.pid) != child.id()) {
                    sleep(POLL).await;
                    continue;
                }
                return match tokio_postgres::connect(&url, NoTls).await {
                    Ok(_) => Ok((Some(child), url)),
                    Err(error) => Err(self.failure(format!("does not let wheelyard in ({error})")).await),
                };
            };
            let tail = self.log_tail().await;
            if !WORTH_ANOTHER_START.iter().any(|sign| tail.contains(sign)) {
                return Err(self.failure(format!("ended while it started ({status})")).await);
            }
            sleep(NEXT_START).await;
        }
    }

    /// One of Postgres's programs, in its own process group so that Ctrl-C reaches us and not it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn initdb(&self, folder: &Path) -> Command {
        let mut command = self.command("initdb");
        command.args(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--username=wheelyard"]);
        command.arg("--pwfile").arg(self.folder.join("postgres.password")).arg("--pgdata").arg(folder);
        if self.durability == Durability::None {
            command.arg("--no-sync");
        }
        command
    }

    fn server(&self, port: u16) -> Command {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.path()).arg("-p").arg(port.to_string());
        let mut settings =
            vec!["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"];
        if self.durability == Durability::None {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
        }
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command
    }

    /// Runs a program with its output in the emptied log.
    async fn spawn(&self, mut command: Command) -> Result<Child, StartError> {
        fs::write(self.folder.join("postgres.log"), "").await.map_err(at(&self.folder))?;
        let log = || self.log.try_clone().map_err(at(&self.folder));
        command.stdout(log()?).stderr(log()?).spawn().map_err(at(&self.programs))
    }

    /// The port of the last start, or another if that is taken.
    async fn choose_port(&self) -> io::Result<u16> {
        let path = self.folder.join("postgres.port");
        let last = fs::read_to_string(&path).await.ok().and_then(|text| text.parse::<u16>().ok());
        if let Some(last) = last
            && TcpListener::bind(("127.0.0.1", last)).await.is_ok()
        {
            return Ok(last);
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        fs::write(&path, port.to_string()).await?;
        Ok(port)
    }

    /// The server that already runs on this cluster, if there is one.
    ///
    /// A stale `postmaster.pid` is made harmless: Postgres would not start while its process number belongs
    /// to any process of this account. Only the number is changed, to one that no system gives out; by the
    /// rest Postgres finds processes that outlived a killed server, and refuses to start beside them.
    async fn survivor(&self) -> io::Result<Option<Postmaster>> {
        let Some(postmaster) = self.postmaster().await else { return Ok(None) };
        if self.is_served_by(postmaster.pid).await {
            return Ok(Some(postmaster));
        }
        let path = self.path().join("postmaster.pid");
        if let Some((_, rest)) = fs::read_to_string(&path).await?.split_once('\n') {
            fs::write(&path, format!("{}\n{rest}", i32::MAX)).await?;
        }
        Ok(None)
    }

    async fn postmaster(&self) -> Option<Postmaster> {
        Postmaster::parse(&fs::read_to_string(self.path().join("postmaster.pid")).await.ok()?)
    }

    /// Whether the process is a Postgres on this cluster, and not some other that was given its number later.
    async fn is_served_by(&self, pid: u32) -> bool {
        let process = Path::new("/proc").join(pid.to_string());
        if let Ok(folder) = fs::read_link(process.join("cwd")).await {
            let program = fs::read_to_string(process.join("comm")).await.unwrap_or_default();
            let cluster = fs::canonicalize(self.path()).await.ok();
            return Some(folder) == cluster && program.trim() == "postgres";
        }
        let ps = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().await;
        let command = ps.map(|ps| String::from_utf8_lossy(&ps.stdout).into_owned()).unwrap_or_default();
        command.contains(&format!("postgres -D {} ", self.path().display()))
    }

    async fn failure(&self, what: String) -> StartError {
        let log = self.folder.join("postgres.log");
        StartError::Postgres { what, log, tail: self.log_tail().await }
    }

    async fn log_tail(&self) -> String {
        let log = fs::read(self.folder.join("postgres.log")).await.unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// What `postmaster.pid` says, one a line: process, cluster, start, port, socket, address, memory, state.
struct Postmaster {
    pid: u32,
    port: u16,
    is_ready: bool,
}

impl Postmaster {
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let pid = lines.first()?.parse().ok()?;
        let port = lines.get(3)?.parse().ok()?;
        Some(Self { pid, port, is_ready: lines.get(7) == Some(&"ready") })
    }
}

/// An account of the machine.
#[derive(Debug)]
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Who is to run Postgres if we are root, as which it refuses to run.
    fn instead_of_root() -> Result<Option<Self>, StartError> {
        let id = StdCommand::new("id").arg("-u").output().map_err(at(Path::new("id")))?;
        if id.stdout.trim_ascii() != b"0" {
            return Ok(None);
        }
        let accounts = Path::new("/etc/passwd");
        let accounts = std::fs::read_to_string(accounts).map_err(at(accounts))?;
        let named = |name| accounts.lines().filter_map(Self::parse).find(|account| account.name == name);
        named("postgres").or_else(|| named("nobody")).map(Some).ok_or(StartError::NoAccount)
    }

    /// Reads a line of `/etc/passwd`: name, password, uid, gid and more.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some(Self { name, uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }

    /// Opens the data folder to this account, or says which folder above keeps it out.
    fn admit_to(&self, folder: &Path) -> Result<(), StartError> {
        let may_enter = |folder: &Path| {
            let mut test = StdCommand::new("test");
            test.arg("-x").arg(folder).current_dir("/").uid(self.uid).gid(self.gid);
            test.status().map(|status| status.success()).map_err(at(folder))
        };
        let mut parents: Vec<_> = folder.ancestors().skip(1).collect();
        parents.reverse();
        for parent in parents {
            if !may_enter(parent)? {
                return Err(StartError::CannotEnter {
                    account: self.name.clone(),
                    folder: parent.to_owned(),
                });
            }
        }
        if !may_enter(folder)? {
            let mode = folder.metadata().map_err(at(folder))?.mode() | 0o010;
            chown(folder, None, Some(self.gid)).map_err(at(folder))?;
            std::fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(at(folder))?;
        }
        Ok(())
    }
}

/// The folder of Postgres's programs: of the cluster's version, else of the newest, else in the path.
fn find_programs(named: Option<PathBuf>, version: Option<u32>) -> Result<PathBuf, StartError> {
    let is_complete = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    if let Some(folder) = named {
        return folder.canonicalize().ok().filter(is_complete).ok_or(StartError::NotPrograms(folder));
    }
    let mut installed = Vec::new();
    for (parent, prefix) in INSTALLED {
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(major) = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse::<u32>().ok())
            {
                installed.push((version == Some(major), major, entry.path().join("bin")));
            }
        }
    }
    installed.sort();
    let in_path = StdCommand::new("sh").args(["-c", "command -v initdb"]).output().ok();
    let in_path = in_path.and_then(|sh| String::from_utf8(sh.stdout).ok());
    let in_path = in_path.and_then(|initdb| Some(Path::new(initdb.trim()).parent()?.to_owned()));
    let mut candidates = installed.into_iter().rev().map(|(_, _, folder)| folder).chain(in_path);
    candidates.find(is_complete).ok_or(StartError::NoPrograms)
}

/// A file that only its owner may read, empty if it was not there.
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
