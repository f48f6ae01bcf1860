//! What is attached to a release that is pushed to another index: tox results go with their files, documentation last.

use super::{
    Again,
    index::{Copying, EXISTS},
};
use crate::{
    error::{Error, Result},
    model::{
        attachment::Attachment,
        event::EventKind,
        file::{File, entry},
    },
    ops::{
        tox_results::{self, NewResult},
        upload::{Documentation, put_documentation},
    },
    store::{self, Change},
};
use serde_json::{Value, json};

/// The tox results of a release on the target.
pub(super) struct Results<'a> {
    copying: &'a Copying<'a>,
    there: Vec<Attachment>,
}

impl<'a> Results<'a> {
    pub(super) async fn of(change: &mut Change<'_>, copying: &'a Copying<'a>, version: &str) -> Result<Self> {
        let there = store::attachments::of_release(change, copying.project, version).await?;
        Ok(Self { copying, there })
    }

    /// Records a result about a file that is on the target now; returns its entry of the action log.
    pub(super) async fn copy(
        &mut self,
        change: &mut Change<'_>,
        file: &File,
        result: &Attachment,
    ) -> Result<Value> {
        let Copying { target, project, again, .. } = *self.copying;
        let path = |filename: &str| format!("{}/{}/{filename}", target.name, entry(&file.sha256));
        let done = "store_toxresult";
        let about = |it: &&Attachment| it.is_about(file);
        let is_same = |it: &&Attachment| it.sha256 == result.sha256 && it.uploaded_at == result.uploaded_at;
        if let Some(same) = self.there.iter().filter(about).find(is_same) {
            let done = if again == Again::Told { EXISTS } else { done };
            return Ok(json!([200, done, path(&same.filename)]));
        }
        store::blobs::touch(change, &result.sha256).await?;
        let new = NewResult {
            sha256: &result.sha256,
            uploaded_at: result.uploaded_at,
            log: &Value::Array(self.copying.log(change, &result.log)),
            earlier: self.there.iter().filter(about).count(),
        };
        let filename = tox_results::insert(change, target, project, file, &new).await?;
        self.copying.tell(change, EventKind::ToxResultPush, &file.version, &filename);
        let told = json!([200, done, path(&filename)]);
        self.there.push(Attachment { filename, ..result.clone() });
        Ok(told)
    }
}

impl Copying<'_> {
    /// Records the documentation of a release; returns its entry of the action log, with the name as it was asked for.
    pub(super) async fn documentation(
        &self,
        change: &mut Change<'_>,
        spelled: &str,
        documentation: &Attachment,
    ) -> Result<Value> {
        let Self { target, project, again, .. } = *self;
        let Attachment { version, sha256, uploaded_at, .. } = documentation;
        let stored = json!([200, "store_doczip", spelled, version, "->", target.name.to_string()]);
        let before = store::attachments::documentation(change, target.id, &project.name, Some(version));
        let before = before.await?.into_iter().next();
        if let Some(before) = &before {
            let is_same = before.sha256 == *sha256;
            if again == Again::Told && is_same {
                return Ok(json!([200, EXISTS, before.path()]));
            }
            if !target.volatile {
                return Err(Error::FileExists(before.filename.clone()));
            }
            if is_same {
                return Ok(stored);
            }
        }
        store::blobs::touch(change, sha256).await?;
        let log = self.log(change, &documentation.log);
        let new = Documentation { version, sha256, uploaded_at: *uploaded_at, log };
        let filename = put_documentation(change, target, project, new, before.as_ref()).await?;
        self.tell(change, EventKind::DocZipPush, version, &filename);
        Ok(stored)
    }
}
