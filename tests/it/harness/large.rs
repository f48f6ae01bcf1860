//! Wheels of any size, whose bytes nothing packs and nothing repeats.

use std::io::{Cursor, Seek, Write};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A wheel with so many bytes of noise: file name and bytes.
pub fn wheel(name: &str, version: &str, size: usize) -> (String, Vec<u8>) {
    let mut content = Cursor::new(Vec::with_capacity(size + 4096));
    let filename = write(name, version, size, &mut content);
    (filename, content.into_inner())
}

/// Writes such a wheel to where it does not take memory, and returns its file name.
pub fn write(name: &str, version: &str, size: usize, to: impl Write + Seek) -> String {
    let mut zip = ZipWriter::new(to);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file(format!("{name}.bin"), stored).unwrap();
    let mut block = noise(name, version);
    let mut rest = size;
    while rest > 0 {
        let count = rest.min(block.len());
        // Each block differs from the others by its number, which is how much is left.
        block[..8].copy_from_slice(&rest.to_be_bytes());
        zip.write_all(&block[..count]).unwrap();
        rest -= count;
    }
    let info = format!("{name}-{version}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    for (path, text) in [("METADATA", metadata.as_str()), ("WHEEL", wheel), ("RECORD", "")] {
        zip.start_file(format!("{info}/{path}"), stored).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    format!("{name}-{version}-py3-none-any.whl")
}

/// A block of a mebibyte that only this release has.
fn noise(name: &str, version: &str) -> Vec<u8> {
    let mut state = seed(name, version) | 1;
    let mut block = vec![0; 1 << 20];
    for word in block.chunks_exact_mut(8) {
        // Xorshift: random enough for who packs it.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_be_bytes());
    }
    block
}

fn seed(name: &str, version: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (name, version).hash(&mut hasher);
    hasher.finish()
}
