//! Folders that end with their test.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder of its own, removed when dropped. A PostgreSQL that a killed `wheelyard dev` left in it is killed.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("wheelyard-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// What a file says.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// The process of the PostgreSQL whose data are below this folder, if it runs.
    pub fn postgres(&self) -> Option<u32> {
        let postmaster = std::fs::read_to_string(self.0.join("postgres/postmaster.pid")).ok()?;
        let id: u32 = postmaster.lines().next()?.trim().parse().ok()?;
        let runs_here =
            std::fs::read_link(format!("/proc/{id}/cwd")).ok()?.starts_with(self.0.canonicalize().ok()?);
        runs_here.then_some(id)
    }

    /// Kills that PostgreSQL with all its processes.
    pub fn kill_postgres(&self) {
        let Some(id) = self.postgres() else { return };
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let mut kill = Command::new("kill");
        kill.arg("-KILL").arg(id.to_string()).args(children.split_whitespace());
        // One of them may have ended by itself meanwhile.
        kill.stderr(std::process::Stdio::null()).status().unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.kill_postgres();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
