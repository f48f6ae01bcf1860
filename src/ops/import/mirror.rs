//! Projects of mirrors: links whose content the other server had fetched.
//!
//! They serve while the upstream is away. Its page counts as one that was not checked for long, so that the first reader
//! asks the upstream, and from then on the rows are what that says.

use super::{Import, content::Content};
use crate::{
    error::Result,
    model::{
        dump::{Kind, PlannedFile, PlannedProject, PlannedRelease},
        event::{Event, EventKind},
        index::Index,
        link::Link,
        mirror,
        serial::Serial,
    },
    store::{self, links::Known, mirrors::Seen},
};
use sha2::{Digest, Sha256};
use url::Url;

/// A file whose content is stored.
struct Stored<'a> {
    file: &'a PlannedFile,
    link: Link,
    content: Content,
}

impl Import<'_> {
    /// Takes the files of a mirror's project that the index does not have, as one change.
    pub(super) async fn mirrored(&self, index: &Index, project: &PlannedProject) -> Result<()> {
        let db = self.service.db().await?;
        let known = store::links::of_project(&db, &[index.id], &project.name, Serial::NOW).await?;
        drop(db);
        let known: Vec<Known> = known.into_iter().map(|(_, known)| known).collect();
        let mut stored = Vec::new();
        for release in &project.releases {
            for file in &release.files {
                let link = match link(release, file, &known) {
                    Ok(link) => link,
                    Err(why) => {
                        self.tally.refuse_file(&file.path, why);
                        continue;
                    }
                };
                if store::links::content(&self.service.db().await?, index.id, &link).await?.is_some() {
                    self.tally.with(|report| report.present += 1);
                    continue;
                }
                let content = self.content(file, &project.name, &release.version).await?;
                let Some(mut content) = content else { continue };
                if self.store(file, &mut content).await?.is_some() {
                    stored.push(Stored { file, link, content });
                }
            }
        }
        if stored.is_empty() { Ok(()) } else { self.record_links(index, project, stored).await }
    }

    async fn record_links(
        &self,
        index: &Index,
        project: &PlannedProject,
        mut stored: Vec<Stored<'_>>,
    ) -> Result<()> {
        let mut connection = self.service.db().await?;
        let mut change = store::change(&self.service.db, &mut connection, None).await?;
        let index = store::indexes::share(&mut change, &index.name).await?;
        let url = index.mirror.as_ref().and_then(|mirror| mirror.url.as_ref());
        let Some(source) = url.map(Url::to_string) else {
            drop(change);
            let refuse =
                |it: &Stored<'_>| self.tally.refuse_file(&it.file.path, "its mirror has no mirror_url");
            stored.iter().for_each(refuse);
            return Ok(());
        };
        // In one order, so that changes with the same content can't wait for each other in a circle.
        stored.sort_by(|one, other| one.content.blob.sha256.cmp(&other.content.blob.sha256));
        let locked = store::projects::ensure(&mut change, &index, &project.name).await?;
        let known = store::links::of_project(&change, &[index.id], &project.name, Serial::NOW).await?;
        let mut opened = Vec::new();
        for Stored { link, content, .. } in &mut stored {
            if let Some(bytes) = &content.metadata {
                let digest = hex::encode(Sha256::digest(bytes));
                store::core_metadata::keep(&change, &digest, bytes).await?;
                link.read_metadata = Some(digest);
            }
            store::links::keep_content(&change, index.id, link, &content.blob.sha256).await?;
            if !known.iter().any(|(_, known)| known.link.filename == link.filename) {
                opened.push(&*link);
            }
        }
        store::links::open(&mut change, index.id, &locked, opened.iter().copied()).await?;
        if store::mirrors::page(&change, index.id, &project.name).await?.is_none() {
            let seen = Seen { source, digest: Some("import".into()), is_stale: true, ..Seen::default() };
            store::mirrors::keep_page(&change, index.id, &project.name, &seen).await?;
        }
        change.log(Event::project(EventKind::MirrorPage, &index.name, &project.name));
        change.commit().await?;
        for Stored { content, .. } in &stored {
            self.tally.with(|report| {
                report.files += 1;
                report.bytes += content.blob.size.unsigned_abs();
            });
        }
        Ok(())
    }
}

/// The link of a mirrored file; else why it is not taken.
fn link(release: &PlannedRelease, file: &PlannedFile, known: &[Known]) -> Result<Link, String> {
    if file.kind != Kind::ReleaseFile {
        return Err("a mirror has only files of releases".into());
    }
    let url = file
        .url
        .as_deref()
        .and_then(|url| Url::parse(url).ok())
        .ok_or("it does not say where its upstream has it")?;
    let mut url =
        Url::parse(&mirror::without_credentials(url.as_str())).map_err(|error| error.to_string())?;
    url.set_fragment(None);
    let link = Link {
        filename: file.filename.clone(),
        version: release.version.clone(),
        url: url.into(),
        hashes: file.digests.clone(),
        size: None,
        uploaded_at: None,
        requires_python: release.data.requires_python().map(str::to_owned),
        yanked: release.data.yanked.clone(),
        core_metadata: None,
        provenance: None,
        read_metadata: None,
    };
    let same_name = known.iter().find(|known| known.link.filename == link.filename);
    match same_name.is_some_and(|known| known.link.entry() != link.entry()) {
        true => Err("the mirror has another file of this name".into()),
        false => Ok(link),
    }
}
