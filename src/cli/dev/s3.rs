//! An S3 server inside the process, which keeps its objects as files in a folder.
//!
//! For `dev` and the tests, instead of a bucket in a cloud. The protocol and the files are the crates `s3s`
//! and `s3s-fs`; this file only puts them behind a socket of 127.0.0.1. It does not know what the objects
//! are.
//!
//! An object appears under its key when its PUT is complete, and then survives the process. Not everything is
//! as in a cloud: nothing is synced to the disk, so the last objects may not survive a power cut; a copy can
//! be seen before it is whole, and stays so if it is killed; a body that does not match its checksum is
//! refused, but stays; a multipart upload does not survive a restart.

use std::{
    fs::{self, Permissions},
    io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::{debug, warn};

use super::{StartError, at, blocking, random_word};

/// How long `stop` waits for requests under way.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// How long to leave the listener alone after it failed, which it does when file descriptors run out.
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// A running S3 server; it stops when dropped, without waiting for requests under way.
pub struct S3Server {
    address: SocketAddr,
    access_key: String,
    secret_key: String,
    running: DropGuard,
    tasks: TaskTracker,
}

impl S3Server {
    /// Serves the objects of `dir`, which is made if it is missing, and its bucket with it.
    ///
    /// The port is any free one and the keys are new at every start. A folder belongs to one server at a
    /// time: what another is writing would be swept away.
    ///
    /// # Errors
    /// [`StartError::Io`], [`StartError::S3`].
    pub async fn start(dir: &Path, bucket: &str) -> Result<Self, StartError> {
        let (access_key, secret_key) = (random_word(20), random_word(40));
        let (folder, bucket_folder) = (dir.to_owned(), dir.join(bucket));
        let files = blocking(move || {
            fs::create_dir_all(&bucket_folder).map_err(at(&bucket_folder))?;
            fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(at(&folder))?;
            remove_parts(&folder).map_err(at(&folder))?;
            FileSystem::new(&folder).map_err(|error| StartError::S3 { folder, reason: format!("{error:?}") })
        })
        .await?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(&*access_key, &*secret_key));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(at(dir))?;
        let address = listener.local_addr().map_err(at(dir))?;
        let (running, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve(listener, service.build(), running.clone(), tasks.clone()));
        Ok(Self { address, access_key, secret_key, running: running.drop_guard(), tasks })
    }

    /// The URL to give to a client, which must ask in path style.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The one access key that is let in.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret that goes with [`Self::access_key`].
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// Stops listening and waits for requests under way, at most ten seconds.
    pub async fn stop(self) {
        drop(self.running);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Removes the parts of multipart uploads that were under way: they belong to keys that are no longer let in.
fn remove_parts(folder: &Path) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".upload") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Answers until `running` is cancelled, and then for as long as requests under way may take.
async fn serve(listener: TcpListener, service: S3Service, running: CancellationToken, tasks: TaskTracker) {
    let http = Builder::new(TokioExecutor::new());
    let open = GracefulShutdown::new();
    let too_late = CancellationToken::new();
    while let Some(accepted) = running.run_until_cancelled(listener.accept()).await {
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                warn!(%error, "the S3 server could not accept a connection");
                sleep(AFTER_A_FAILED_ACCEPT).await;
                continue;
            }
        };
        if let Err(error) = socket.set_nodelay(true) {
            debug!(%error, "an S3 connection will be slow");
        }
        let connection = http.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
        let connection = too_late.clone().run_until_cancelled_owned(open.watch(connection));
        tasks.spawn(async {
            if let Some(Err(error)) = connection.await {
                debug!(error, "an S3 connection broke");
            }
        });
    }
    drop(listener);
    if timeout(STOPPED_WITHIN, open.shutdown()).await.is_err() {
        warn!("the S3 server stops with requests under way");
    }
    too_late.cancel();
}
