//! Memory stays bounded however large a file is.

use crate::harness::{
    Folder, Reply,
    binary::{Binary, place},
    large,
};
use reqwest::{
    Body, Method,
    multipart::{Form, Part},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::Read;
use tokio_util::io::ReaderStream;

/// Size of the wheel, in bytes, and how much more memory it may cost, in KiB.
const SIZE: usize = 200 << 20;
const MORE: u64 = 64 << 10;

#[tokio::test]
async fn a_large_wheel_goes_in_and_out_without_being_held_in_memory() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    alice.upload_wheel("alice/dev", "small", "1.0").await;
    alice.filenames("alice/dev", "small").await;
    let before = server.peak_memory();

    let folder = Folder::new();
    let path = folder.path().join("wheel");
    let filename = large::write("large", "1.0", SIZE, std::fs::File::create_new(&path).unwrap());
    let file = tokio::fs::File::open(&path).await.unwrap();
    let length = file.metadata().await.unwrap().len();
    let part = Part::stream_with_length(Body::wrap_stream(ReaderStream::new(file)), length);
    let form = Form::new()
        .text(":action", "file_upload")
        .text("name", "large")
        .text("version", "1.0")
        .part("content", part.file_name(filename.clone()));
    alice.send_form("alice/dev", form).await.expect(200);
    let after_upload = server.peak_memory();

    let path_served = alice.file_path("alice/dev", "large", &filename).await;
    let mut response = alice.request(Method::GET, &path_served).send().await.unwrap();
    let mut digest = Sha256::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        digest.update(&chunk);
    }
    assert_eq!(hex::encode(digest.finalize()), file_sha256(&path));
    let metadata = alice.get_with(&format!("{path_served}.metadata"), &[]).await.expect(200);
    assert!(Reply::text(&metadata).starts_with("Metadata-Version: 2.1\nName: large\n"));

    for (what, peak) in [("the upload", after_upload), ("the download", server.peak_memory())] {
        assert!(peak < before + MORE, "{what} raised the memory from {before} to {peak} KiB");
    }
}

fn file_sha256(path: &std::path::Path) -> String {
    let mut file = std::fs::File::open(path).unwrap();
    let (mut digest, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block).unwrap() {
            0 => return hex::encode(digest.finalize()),
            count => digest.update(&block[..count]),
        }
    }
}
