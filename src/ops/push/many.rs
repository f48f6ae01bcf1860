//! Push of many releases, each a change of its own, told one by one.
//!
//! Nothing is kept of how far it came: whoever repeats it hears of what is there already that it exists.

use super::{Again, Found, Item, Target, Wanted, carry_out, find, links, permit};
use crate::{
    error::{Error, Result},
    model::{access::Caller, link::Link, name::IndexName, serial::Serial, version},
    ops::{reading, resolve},
    service::Service,
    store,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

/// A push of many that has begun.
pub struct Many {
    service: Service,
    caller: Caller,
    source: IndexName,
    steps: VecDeque<Step>,
}

/// What became of a release.
pub enum Told {
    /// Entries of devpi's action log.
    Done(Vec<Value>),
    Failed {
        name: String,
        /// `None`: it is not known which there are.
        version: Option<String>,
        error: Error,
    },
}

struct Step {
    item: Arc<Item>,
    /// `None`: all that there are.
    version: Option<String>,
    /// Of a mirror's release, where they are known.
    links: Option<Vec<Link>>,
}

/// Begins to push releases of exactly this index, once it is known that the caller may.
///
/// # Errors
/// Those of [`resolve::readable`]; [`Error::NoSuchIndex`], [`Error::Unauthorized`] for a target.
pub async fn begin(service: &Service, caller: &Caller, source: &IndexName, items: Vec<Item>) -> Result<Many> {
    resolve::readable(service, caller, source).await?;
    let mut permitted = HashSet::new();
    for item in &items {
        let is_new = match &item.target {
            Target::Index(name) => permitted.insert((Some(name), &item.name)),
            Target::External(_) => permitted.insert((None, &item.name)),
        };
        if is_new {
            permit(service, caller, &item.target, &item.name).await?;
        }
    }
    let steps = items.into_iter().map(|item| {
        let version = item.version.clone();
        Step { item: Arc::new(item), version, links: None }
    });
    Ok(Many {
        service: service.clone(),
        caller: caller.clone(),
        source: source.clone(),
        steps: steps.collect(),
    })
}

impl Many {
    /// Pushes the next release; `None` when all are pushed.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            let Step { item, version, links } = self.steps.pop_front()?;
            let failed = |version, error| Told::Failed { name: item.spelled.clone(), version, error };
            if self.service.stopping.is_cancelled() {
                self.steps.clear();
                return Some(failed(version, Error::Overloaded("it is about to stop, push the rest again")));
            }
            let Some(version) = version else {
                match self.expand(&item).await {
                    Ok(()) => continue,
                    Err(error) => return Some(failed(None, error)),
                }
            };
            return Some(match self.push(&item, &version, links).await {
                Ok(entries) => Told::Done(entries),
                Err(error) => failed(Some(version), error),
            });
        }
    }

    /// Puts all releases of a project before what is left, the oldest first.
    async fn expand(&mut self, item: &Arc<Item>) -> Result<()> {
        reading::begin(&self.service).await?;
        let source = resolve::readable_project(&self.service, &self.caller, &self.source, &item.name).await?;
        let mut versions: BTreeMap<String, Option<Vec<Link>>> = BTreeMap::new();
        if source.mirror.is_some() {
            for link in links(&self.service, &self.caller, &source, &item.name).await? {
                versions.entry(link.version.clone()).or_default().get_or_insert_default().push(link);
            }
        } else {
            let read = async {
                let db = self.service.db().await?;
                store::releases::versions(&db, &[source.id], &item.name, Serial::NOW).await
            };
            let read = self.service.bounded(read).await?;
            versions.extend(read.into_iter().map(|(_, version)| (version, None)));
        }
        if versions.is_empty() {
            let Item { spelled, .. } = &**item;
            return Err(Error::Invalid(format!("there are no files for {spelled} on stage {}", source.name)));
        }
        let mut versions: Vec<_> = versions.into_iter().collect();
        versions.sort_by_cached_key(|(version, _)| version::sort_key(version));
        for (version, mut links) in versions.into_iter().rev() {
            if let Some(links) = &mut links {
                links.sort_by(|a, b| a.filename.cmp(&b.filename));
            }
            self.steps.push_front(Step { item: item.clone(), version: Some(version), links });
        }
        Ok(())
    }

    async fn push(&self, item: &Item, version: &str, links: Option<Vec<Link>>) -> Result<Vec<Value>> {
        let (service, caller) = (&self.service, &self.caller);
        // Rights may have changed since the one before.
        reading::begin(service).await?;
        let source = resolve::readable_project(service, caller, &self.source, &item.name).await?;
        let Item { name, spelled, parts, target, .. } = item;
        let wanted = Wanted { name: name.clone(), spelled: spelled.clone(), version: version.to_owned() };
        let found = match links {
            Some(links) => Found::Mirror(links),
            None => find(service, caller, &source, &wanted).await?,
        };
        let found = found.part(&wanted, *parts)?;
        permit(service, caller, target, name).await?;
        let (entries, _) = carry_out(service, caller, &source, &wanted, found, target, Again::Told).await?;
        Ok(entries)
    }
}
