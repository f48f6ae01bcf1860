//! Simple pages, rendered once for each page serial (DESIGN, The serial).

use crate::{
    cache::{Coding, PageKey},
    error::{Error, Result},
    model::{
        access::Caller,
        index::Index,
        name::{IndexName, ProjectName},
        page::{Base, Format, ListPage, PageFile, ProjectPage, Status},
        serial::Serial,
    },
    ops::resolve,
    service::Service,
    store,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// A page that the caller may see; its bytes are made only when [`Page::body`] asks for them.
pub struct Page {
    key: PageKey,
    order: Vec<Arc<Index>>,
    /// Not everybody sees the same page here.
    pub private: bool,
}

/// The page of one project, or with `None` the list of projects.
///
/// # Errors
/// Those of [`resolve::readable`].
pub async fn page(
    service: &Service,
    caller: &Caller,
    index: &IndexName,
    project: Option<&ProjectName>,
    (format, coding, base): (Format, Coding, Base),
) -> Result<Page> {
    // Rights are at least as new as this, and so they are never older than what they give access to.
    let now = service.gate.serial();
    resolve::readable(service, caller, index).await?;
    let mut order = resolve::whole_order(service, index).await?;
    let private = order.iter().any(|index| index.acl_read.is_some());
    order.retain(|index| service.policy.may_read(caller, index));
    let key = PageKey {
        index: index.clone(),
        project: project.cloned(),
        format,
        coding,
        base,
        order: order.iter().map(|index| index.id).collect(),
        serial: resolve::page_serial(service, &order, project).await?.min(now),
    };
    Ok(Page { key, order, private })
}

impl Page {
    /// Names the bytes of the page: the same on every process, another for any other bytes, those of another version of
    /// this program included. Hex, without quotes.
    pub fn etag(&self, service: &Service) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let digest = Sha256::digest(format!("{version} {} {:?}", service.uuid, self.key));
        hex::encode(&digest[..16])
    }

    /// The bytes, coded as asked for.
    ///
    /// # Errors
    /// [`Error::NoSuchProject`] when no index of the order has the project.
    pub async fn body(&self, service: &Service) -> Result<Bytes> {
        metrics::counter!("wheelyard_pages_served_total").increment(1);
        let made = service.pages.try_get_with_by_ref(&self.key, async {
            match self.make(service).await {
                Ok(page) => Ok(Some(page)),
                Err(Error::NoSuchProject(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let page = made.await.map_err(|error| (*error).clone())?;
        page.ok_or_else(|| {
            Error::NoSuchProject(self.key.project.as_ref().map_or_else(String::new, ToString::to_string))
        })
    }

    async fn make(&self, service: &Service) -> Result<Bytes> {
        metrics::counter!("wheelyard_pages_rendered_total").increment(1);
        let Self { key, order, .. } = self;
        let rendered = match &key.project {
            Some(project) => {
                let mut page = project_page(service, order, &key.index, project, key.serial).await?;
                let (format, base) = (key.format, key.base.clone());
                blocking(move || {
                    page.arrange();
                    page.render(format, &base)
                })
                .await?
            }
            None => {
                let page = list_page(service, order, &key.index, key.serial).await?;
                let (format, base) = (key.format, key.base.clone());
                blocking(move || page.render(format, base.list_prefix())).await?
            }
        };
        let rendered = rendered.map_err(|error| Error::Internal(format!("{error:#}")))?;
        match key.coding {
            Coding::Identity => Ok(rendered.into()),
            Coding::Gzip => {
                blocking(move || gzip(&rendered)).await?.map_err(|error| Error::Internal(error.to_string()))
            }
        }
    }
}

/// Reads the rows of a project page as of its page serial: what a later change did is not in it.
async fn project_page(
    service: &Service,
    order: &[Arc<Index>],
    index: &IndexName,
    project: &ProjectName,
    at: Serial,
) -> Result<ProjectPage> {
    let ids: Vec<i64> = order.iter().map(|index| index.id).collect();
    let db = service.db().await?;
    let (statuses, versions, files) = tokio::try_join!(
        store::projects::statuses(&db, &ids, project, at),
        store::releases::versions(&db, &ids, project, at),
        store::files::of_project(&db, &ids, project, None, at),
    )?;
    let statuses: HashMap<_, _> = statuses.into_iter().collect();
    let status = order.iter().find_map(|index| statuses.get(&index.id)).cloned();
    let mut page = ProjectPage {
        index: index.clone(),
        project: project.clone(),
        status: status.ok_or_else(|| Error::NoSuchProject(project.to_string()))?,
        versions: Vec::new(),
        files: Vec::new(),
    };
    for index in order {
        if statuses.get(&index.id).is_none_or(Status::is_quarantined) {
            continue;
        }
        page.versions
            .extend(versions.iter().filter(|(id, _)| *id == index.id).map(|(_, version)| version.clone()));
        page.files.extend(files.iter().filter(|(id, _)| *id == index.id).map(|(_, file)| PageFile {
            index: file.index.clone(),
            version: file.version.clone(),
            filename: file.filename.clone(),
            sha256: file.sha256.clone(),
            size: file.size,
            uploaded_at: file.uploaded_at,
            requires_python: file.requires_python.clone(),
            metadata_sha256: file.metadata_sha256.clone(),
            yanked: file.yanked.clone(),
        }));
    }
    Ok(page)
}

async fn list_page(
    service: &Service,
    order: &[Arc<Index>],
    index: &IndexName,
    at: Serial,
) -> Result<ListPage> {
    let db = service.db().await?;
    let mut page = ListPage { index: index.clone(), indexes: Vec::new() };
    for index in order {
        let names = store::projects::names(&db, index.id, at).await?;
        // A base that this reader may not see is not named either.
        let seen = |base: &&IndexName| order.iter().any(|index| index.name == **base);
        page.indexes.push((index.name.clone(), index.bases.iter().filter(seen).cloned().collect(), names));
    }
    Ok(page)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish().map(Into::into)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))
}
