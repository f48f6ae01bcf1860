//! `POST /{user}/{index}/+f/…`: the result of a test of a release file (devpi-api, Tox results).

use super::{extract::FilePath, respond, upload};
use crate::{
    error::{Error, Result},
    model::access::Caller,
    ops::{self, receive::Receiver},
    service::Service,
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use futures::{StreamExt, TryStreamExt};
use std::time::Duration;

/// Permission first, then the body.
pub(super) async fn receive(
    State(service): State<Service>,
    caller: Caller,
    FilePath { index, entry, filename }: FilePath,
    request: Request,
) -> Result<Response> {
    let begun = ops::tox_results::begin(&service, &caller, &index, &entry, &filename).await;
    let result = match begun {
        Ok(result) => result,
        Err(error) => {
            upload::drain(request).await;
            return Err(error);
        }
    };
    let mut receiver = result.receiver();
    let pause = Duration::from_secs(service.config.server.body_timeout);
    if let Err(error) = fill(&mut receiver, request, pause).await {
        receiver.abort().await;
        return Err(error);
    }
    let path = result.store(receiver.finish().await?).await?;
    Ok(respond::result("toxresultpath", path))
}

async fn fill(receiver: &mut Receiver, request: Request, pause: Duration) -> Result<()> {
    let mut body = request
        .into_body()
        .into_data_stream()
        .map_err(|_| Error::invalid("the body of the request did not arrive"));
    while let Some(chunk) = tokio::time::timeout(pause, body.next()).await.map_err(|_| Error::Stalled)? {
        receiver.push(&chunk?).await?;
    }
    Ok(())
}
