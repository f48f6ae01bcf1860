//! Push: releases of one index to another, or to an external repository (devpi-api, Push).
//!
//! To another index no bytes move: the new rows name the same content. What a mirror has is stored first.

mod asked;
mod attachments;
mod index;
mod many;
mod mirror;
mod repository;

pub use asked::{Asked, Item, Push, parse};
pub use many::{Many, Told, begin};

use crate::{
    error::{Error, Result},
    model::{
        access::{self, Caller},
        attachment::{Attachment, Rel},
        file::File,
        index::Index,
        link::Link,
        name::{IndexName, ProjectName},
        release::Release,
        serial::Serial,
    },
    ops::{mirrored, resolve},
    service::Service,
    store,
};
use asked::{Parts, Target, Wanted};
use bytes::Bytes;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What an index has of a release, its files in the order of their names.
enum Found {
    Stage(Taken),
    Mirror(Vec<Link>),
}

/// A release with all that is pushed of it; the content of its files is stored.
struct Taken {
    release: Release,
    files: Vec<File>,
    /// In the order of their names.
    attachments: Vec<Attachment>,
    /// What the files name of it that may not be kept yet, by hex digest.
    core_metadata: BTreeMap<String, Bytes>,
}

/// What becomes of a file that the target has already with this content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// As devpi does on an index that is not volatile.
    Refused,
    /// It is told, so that a push of many can be repeated.
    Told,
}

/// Pushes a release of exactly this index; returns devpi's action log and whether all went well.
///
/// # Errors
/// [`Error::Invalid`] when the version is not on the index, [`Error::NotFound`] when it has no files, [`Error::Upstream`]
/// when it is on a mirror and can't be fetched; for an index as target [`Error::NoSuchIndex`], [`Error::Unauthorized`],
/// [`Error::FileExists`].
pub async fn push(
    service: &Service,
    caller: &Caller,
    source: &IndexName,
    push: &Push,
) -> Result<(Vec<Value>, bool)> {
    let Push { wanted, options } = push;
    let source = resolve::readable_project(service, caller, source, &wanted.name).await?;
    let found = find(service, caller, &source, wanted).await?;
    let found = found.part(wanted, options.parts().map_err(Error::Invalid)?)?;
    let target = options.target().map_err(Error::Invalid)?;
    permit(service, caller, &target, &wanted.name).await?;
    carry_out(service, caller, &source, wanted, found, &target, Again::Refused).await
}

/// Looks what exactly this index has of a release.
async fn find(service: &Service, caller: &Caller, source: &Index, wanted: &Wanted) -> Result<Found> {
    let Wanted { name, spelled, version } = wanted;
    let missing =
        || Error::Invalid(format!("there are no files for {spelled} {version} on stage {}", source.name));
    if source.mirror.is_some() {
        let mut links = links(service, caller, source, name).await?;
        links.retain(|link| link.version == *version);
        links.sort_by(|a, b| a.filename.cmp(&b.filename));
        return if links.is_empty() { Err(missing()) } else { Ok(Found::Mirror(links)) };
    }
    let read = async {
        let db = service.db().await?;
        let mut releases =
            store::releases::of_project(&db, &[source.id], name, Some(version), Serial::NOW).await?;
        let (_, release) = releases.pop().ok_or_else(missing)?;
        let files = store::files::of_project(&db, &[source.id], name, Some(version), Serial::NOW).await?;
        let mut files: Vec<File> = files.into_iter().map(|(_, file)| file).collect();
        files.sort_by(|a, b| a.filename.cmp(&b.filename));
        let attachments = store::attachments::of_project(&db, &[source.id], name, Some(version)).await?;
        let mut attachments: Vec<Attachment> = attachments.into_iter().map(|(_, it)| it).collect();
        attachments.sort_by(|a, b| a.filename.cmp(&b.filename));
        Ok(Found::Stage(Taken { release, files, attachments, core_metadata: BTreeMap::new() }))
    };
    service.bounded(read).await
}

/// The links of a mirror's project.
async fn links(
    service: &Service,
    caller: &Caller,
    mirror: &Index,
    project: &ProjectName,
) -> Result<Vec<Link>> {
    in_time(service, mirrored::links(service, caller, mirror, project)).await
}

/// Bounds work that waits for an upstream, as a request for it alone would be.
async fn in_time<T>(service: &Service, work: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = Duration::from_secs(service.config.server.request_timeout);
    let late = Err(Error::Overloaded("the upstream takes too long"));
    tokio::time::timeout(limit, work).await.unwrap_or(late)
}

impl Found {
    /// What of it is pushed.
    fn part(mut self, wanted: &Wanted, parts: Parts) -> Result<Self> {
        let is_empty = match &mut self {
            Self::Stage(Taken { files, attachments, .. }) => {
                files.retain(|_| parts.files);
                attachments.retain(|it| match it.rel {
                    Rel::ToxResult => parts.files,
                    Rel::DocZip => parts.documentation,
                });
                files.is_empty() && attachments.is_empty()
            }
            Self::Mirror(_) => !parts.files,
        };
        match is_empty {
            true => {
                let Wanted { spelled, version, .. } = wanted;
                Err(Error::NotFound(format!("no release/files found for {spelled} {version}")))
            }
            false => Ok(self),
        }
    }
}

async fn permit(service: &Service, caller: &Caller, target: &Target, project: &ProjectName) -> Result<()> {
    match target {
        Target::Index(target) => may_upload(caller, &*resolve::index(service, target).await?, project),
        // Whoever can read could else let this server talk to any other, and hear what that says.
        Target::External(_) if access::may_push_elsewhere(caller) => Ok(()),
        Target::External(_) => Err(Error::denied(caller, "only a user may push to another repository")),
    }
}

fn may_upload(caller: &Caller, target: &Index, project: &ProjectName) -> Result<()> {
    match access::may_upload(caller, target, Some(project)) {
        true => Ok(()),
        false => {
            let who = caller.name().map_or_else(|| "None".to_owned(), |name| format!("'{name}'"));
            let message = format!("user {who} cannot upload to '{}'", target.name);
            Err(if caller.limit().is_some() {
                Error::forbidden(caller, message)
            } else {
                Error::Unauthorized(message)
            })
        }
    }
}

/// Stores what is not here yet, and pushes all of it.
async fn carry_out(
    service: &Service,
    caller: &Caller,
    source: &Arc<Index>,
    wanted: &Wanted,
    found: Found,
    target: &Target,
    again: Again,
) -> Result<(Vec<Value>, bool)> {
    let taken = match found {
        Found::Stage(taken) => taken,
        Found::Mirror(links) => {
            if let Target::Index(target) = target {
                service.bounded(index::foresee(service, target, wanted, &links, again)).await?;
            }
            mirror::take(service, source, wanted, &links).await?
        }
    };
    match target {
        Target::Index(target) => {
            let pushed = index::to_index(service, caller, source, target, wanted, &taken, again);
            Ok((service.bounded(pushed).await?, true))
        }
        Target::External(target) => repository::to_repository(service, target, wanted, &taken).await,
    }
}
