//! A file without a form: what a form would say, the file says itself.

use super::{Form, Outcome, SentFile, Upload};
use crate::{
    error::{Error, Result},
    model::{
        archive,
        filename::{self, Kind},
        metadata,
        name::ProjectName,
        release,
    },
};

impl Upload<'_> {
    /// As `file_upload` with the core metadata of the wheel or sdist as the form; the release that it is of, and what was
    /// done.
    ///
    /// # Errors
    /// [`Error::Invalid`] also for a file that is neither; the others of [`Self::commit`].
    pub async fn commit_bare(&self, file: SentFile) -> Result<((ProjectName, String), Outcome)> {
        match self.describe(&file).await {
            Ok((release, form)) => Ok((release, self.commit(&form, Some(file)).await?)),
            Err(error) => {
                self.discard(file).await;
                Err(error)
            }
        }
    }

    /// Reads the archive on a blocking thread. The name of the file tells which release to look for, and the metadata how
    /// that is spelled.
    async fn describe(&self, file: &SentFile) -> Result<((ProjectName, String), Form)> {
        let is_known =
            matches!(filename::kind(&file.filename), Kind::Wheel | Kind::Zip | Kind::TarGz | Kind::TarBz2);
        let named = filename::split(&file.filename).filter(|_| is_known);
        let named = named.and_then(|(name, version)| Some((ProjectName::parse(&name).ok()?, version)));
        let (project, version) = named.ok_or_else(|| {
            Error::Invalid(format!(
                "'{}' is not named like a wheel or an sdist, such as example-1.0-py3-none-any.whl or example-1.0.tar.gz",
                file.filename
            ))
        })?;
        let mut reader = file.received.reader(self.service);
        let (filename, size) = (file.filename.clone(), file.received.blob.size.unsigned_abs());
        let described = tokio::task::spawn_blocking(move || {
            let contents = archive::inspect(&filename, &project, &version, &mut reader, size);
            let contents = reader.failure.map_or(contents.map_err(Error::Invalid), Err)?;
            let mut form = match contents.metadata.or(contents.unreliable) {
                Some(bytes) => release::form(&metadata::parse(&bytes).map_err(Error::Invalid)?),
                None => vec![("name".into(), project.to_string()), ("version".into(), version.clone())],
            };
            let spelled =
                form.iter().find(|(key, _)| key == "version").map(|(_, text)| text.trim().to_owned());
            form.push((":action".into(), "file_upload".into()));
            Ok(((project, spelled.unwrap_or(version)), form))
        });
        described.await.map_err(|error| Error::Internal(error.to_string()))?
    }
}
