//! Distribution files, small and real.

use flate2::{Compression, write::GzEncoder};
use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A wheel with one module: file name and bytes.
pub fn wheel(name: &str, version: &str) -> (String, Vec<u8>) {
    wheel_with(name, version, &format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"), "")
}

/// A wheel with these METADATA and, so that two of them differ, this text in its module.
pub fn wheel_with(name: &str, version: &str, metadata: &str, text: &str) -> (String, Vec<u8>) {
    let stem = format!("{}-{version}", name.replace(['-', '.'], "_"));
    let info = format!("{stem}.dist-info");
    let module = format!("{}.py", name.replace(['-', '.'], "_"));
    let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = [&module, &format!("{info}/METADATA"), &format!("{info}/WHEEL"), &format!("{info}/RECORD")]
        .map(|path| format!("{path},,\n"))
        .concat();
    let content = zip(&[
        (&module, text.as_bytes()),
        (&format!("{info}/METADATA"), metadata.as_bytes()),
        (&format!("{info}/WHEEL"), wheel.as_bytes()),
        (&format!("{info}/RECORD"), record.as_bytes()),
    ]);
    (format!("{stem}-py3-none-any.whl"), content)
}

/// A wheel of about this many bytes, which are not packed.
pub fn large_wheel(name: &str, version: &str, size: usize) -> (String, Vec<u8>) {
    let info = format!("{name}-{version}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let bytes: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[at % 3]).collect();
    for (path, content) in [
        (format!("{name}.bin"), bytes.as_slice()),
        (format!("{info}/METADATA"), metadata.as_bytes()),
        (format!("{info}/WHEEL"), b"Wheel-Version: 1.0\n"),
        (format!("{info}/RECORD"), b""),
    ] {
        zip.start_file(path, stored).unwrap();
        zip.write_all(content).unwrap();
    }
    (format!("{name}-{version}-py3-none-any.whl"), zip.finish().unwrap().into_inner())
}

/// A zip of these members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        zip.start_file(*path, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An sdist whose PKG-INFO asks for this Python: file name and bytes.
pub fn sdist(name: &str, version: &str) -> (String, Vec<u8>) {
    let stem = format!("{}-{version}", name.replace(['-', '.'], "_"));
    let metadata =
        format!("Metadata-Version: 2.2\nName: {name}\nVersion: {version}\nRequires-Python: >=3.8\n");
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, format!("{stem}/PKG-INFO"), metadata.as_bytes()).unwrap();
    (format!("{stem}.tar.gz"), tar.into_inner().unwrap().finish().unwrap())
}

/// The digest of some bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
