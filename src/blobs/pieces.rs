//! An object on its way to a client, in pieces that are worth a turn.

use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Pieces shorter than this, in bytes, are gathered: each would cost a turn of store, process and client.
const PIECE: usize = 64 << 10;

/// How long what is there waits for more.
const WAIT: Duration = Duration::from_millis(20);

/// What is left of an object.
enum Left {
    /// Nothing came yet; the first piece is passed on as it comes.
    Whole(ByteStream),
    Rest(ByteStream),
    Failure(ByteStreamError),
    Nothing,
}

/// The bytes as the store sends them, in large pieces.
pub fn pieces(bytes: ByteStream) -> impl Stream<Item = Result<Bytes, ByteStreamError>> + Send {
    stream::try_unfold(Left::Whole(bytes), async |left| match left {
        Left::Whole(mut bytes) => Ok(bytes.try_next().await?.map(|piece| (piece, Left::Rest(bytes)))),
        Left::Rest(mut bytes) => match bytes.try_next().await? {
            Some(piece) if piece.len() >= PIECE => Ok(Some((piece, Left::Rest(bytes)))),
            Some(piece) => Ok(Some(gathered(&piece, bytes).await)),
            None => Ok(None),
        },
        Left::Failure(error) => Err(error),
        Left::Nothing => Ok(None),
    })
}

/// A piece, and what comes right after it.
async fn gathered(piece: &[u8], mut bytes: ByteStream) -> (Bytes, Left) {
    let until = Instant::now() + WAIT;
    let mut gathered = BytesMut::with_capacity(2 * PIECE);
    gathered.extend_from_slice(piece);
    while gathered.len() < PIECE {
        match timeout_at(until, bytes.try_next()).await {
            Ok(Ok(Some(piece))) => gathered.extend_from_slice(&piece),
            Ok(Ok(None)) => return (gathered.freeze(), Left::Nothing),
            Ok(Err(error)) => return (gathered.freeze(), Left::Failure(error)),
            Err(_) => break,
        }
    }
    (gathered.freeze(), Left::Rest(bytes))
}
