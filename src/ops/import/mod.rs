//! Takes over what a devpi-server exported: users, indexes, releases and files (devpi: `importexport.py`).
//!
//! It goes on where it was stopped: what is there already is left alone, and a file that is there is not even read. So
//! each release is one change, with all its files stored before.

mod accounts;
mod content;
mod mirror;
mod stage;

use crate::{
    error::{Error, Result},
    model::{
        dump::{DATA_INDEX, Dump, Plan, PlannedProject, PlannedRelease, Refused},
        index::Index,
    },
    service::Service,
};
use content::read;
use futures::{StreamExt, TryStreamExt, stream};
use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// What an import has done so far.
#[derive(Debug, Default)]
pub struct Report {
    pub users: u64,
    pub indexes: u64,
    pub releases: u64,
    /// Files that were taken, tox results and documentation included, and the bytes of them.
    pub files: u64,
    pub bytes: u64,
    /// Files that were there already.
    pub present: u64,
    /// What is taken but for something, or was left as it is.
    pub remarks: Vec<Refused>,
    pub refused: Vec<Refused>,
    /// Files among what was refused.
    refused_files: u64,
}

/// The report of a running import.
#[derive(Default)]
pub struct Tally(Mutex<Report>);

impl Tally {
    /// Files that were seen to, and bytes of those that were taken.
    pub fn progress(&self) -> (u64, u64) {
        self.with(|report| (report.files + report.present + report.refused_files, report.bytes))
    }

    /// The report as it is in the end.
    pub fn into_report(self) -> Report {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Report) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn refuse(&self, what: impl Into<String>, why: impl Into<String>) {
        let refused = Refused { what: what.into(), why: why.into() };
        self.with(|report| report.refused.push(refused));
    }

    fn refuse_file(&self, path: &str, why: impl Into<String>) {
        self.refuse(path, why);
        self.with(|report| report.refused_files += 1);
    }

    fn remark(&self, what: impl Into<String>, why: impl Into<String>) {
        let remark = Refused { what: what.into(), why: why.into() };
        self.with(|report| report.remarks.push(remark));
    }
}

/// Reads what a folder says that it holds; returns it with the folder's own path. Blocks.
///
/// # Errors
/// A text for the operator, when there is no export that can be read.
pub fn plan(folder: &Path) -> Result<(PathBuf, Plan), String> {
    let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.join(DATA_INDEX).display());
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let path = folder.join(DATA_INDEX);
    if !path.metadata().map_err(|error| fail(&error))?.is_file() {
        return Err(fail(&"it is no file"));
    }
    let file = File::open(path).map_err(|error| fail(&error))?;
    let dump: Dump = serde_json::from_reader(BufReader::new(file)).map_err(|error| fail(&error))?;
    Ok((folder.clone(), Plan::new(dump).map_err(|problem| fail(&problem))?))
}

/// Reads every file of a plan and checks its digests, and does no more; so many files at the same time.
pub async fn check(folder: &Path, plan: &mut Plan, tally: &Tally, jobs: usize) -> Result<()> {
    take_refused(plan, tally);
    let files = plan.indexes.iter().flat_map(|index| &index.projects).flat_map(|project| {
        let releases = project.releases.iter();
        releases.flat_map(move |release| release.files.iter().map(move |file| (project, release, file)))
    });
    let work = stream::iter(files).map(Ok::<_, Error>).try_for_each_concurrent(
        jobs,
        async |(project, release, file)| {
            match read(folder, file, &project.name, &release.version).await? {
                Ok(read) => tally.with(|report| {
                    report.files += 1;
                    report.bytes += read.blob.size.unsigned_abs();
                }),
                Err(why) => tally.refuse_file(&file.path, why),
            }
            Ok(())
        },
    );
    work.await?;
    tally.with(|report| {
        report.users = plan.users.len() as u64;
        report.indexes = plan.indexes.len() as u64;
        let projects = plan.indexes.iter().flat_map(|index| &index.projects);
        report.releases = projects.map(|project| project.releases.len() as u64).sum();
    });
    Ok(())
}

/// Takes all of a plan, so many releases at the same time.
///
/// # Errors
/// Those of database and object store; what was taken until then is there, and the next run goes on.
pub async fn run(
    service: &Service,
    folder: &Path,
    plan: &mut Plan,
    tally: &Tally,
    jobs: usize,
) -> Result<()> {
    take_refused(plan, tally);
    let import = Import { service, folder, tally };
    import.users(&plan.users).await?;
    let mut work = Vec::new();
    for planned in &plan.indexes {
        match import.index(planned).await? {
            Some(index) => work.extend(units(&index, &planned.projects)),
            None => {
                let projects = planned.projects.iter();
                let files = projects.flat_map(|project| &project.releases).flat_map(|release| &release.files);
                files.for_each(|file| tally.refuse_file(&file.path, "its index was not taken"));
            }
        }
    }
    stream::iter(work).map(Ok).try_for_each_concurrent(jobs, async |unit| import.unit(&unit).await).await
}

fn take_refused(plan: &mut Plan, tally: &Tally) {
    let refused = std::mem::take(&mut plan.refused);
    tally.with(|report| report.refused.extend(refused));
}

/// What is taken by one change.
struct Unit<'a> {
    index: Index,
    project: &'a PlannedProject,
    /// `None`: all of a mirror's project, or a project without releases.
    release: Option<&'a PlannedRelease>,
}

fn units<'a>(index: &Index, projects: &'a [PlannedProject]) -> Vec<Unit<'a>> {
    let unit = |project, release| Unit { index: index.clone(), project, release };
    let of_project = |project: &'a PlannedProject| match index.mirror.is_some() || project.releases.is_empty()
    {
        true => vec![unit(project, None)],
        false => project.releases.iter().map(|release| unit(project, Some(release))).collect(),
    };
    projects.iter().flat_map(of_project).collect()
}

/// A running import.
struct Import<'a> {
    service: &'a Service,
    /// The folder of the export, canonical.
    folder: &'a Path,
    tally: &'a Tally,
}

impl Import<'_> {
    async fn unit(&self, unit: &Unit<'_>) -> Result<()> {
        let Unit { index, project, release } = unit;
        match release {
            Some(release) => self.release(index, project, release).await,
            None if index.mirror.is_some() => self.mirrored(index, project).await,
            None => self.bare_project(index, project).await,
        }
    }
}
