//! A form written by hand, so that it can be in any order, odd, or broken.

/// The body of a `multipart/form-data` request, part by part.
#[derive(Default)]
pub struct RawForm(Vec<u8>);

impl RawForm {
    pub const CONTENT_TYPE: &str = "multipart/form-data; boundary=limit";

    /// The fields without which no upload goes, but for the file.
    pub fn upload(name: &str, version: &str) -> Self {
        Self::default().field(":action", "file_upload").field("name", name).field("version", version)
    }

    pub fn field(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        self.part(format!("name=\"{name}\"").as_bytes(), text.as_ref())
    }

    /// A part with a file name, as it stands between the quotes.
    pub fn file(self, name: &str, filename: impl AsRef<[u8]>, content: &[u8]) -> Self {
        let head = [format!("name=\"{name}\"; filename=\"").as_bytes(), filename.as_ref(), b"\""].concat();
        self.part(&head, content)
    }

    fn part(mut self, head: &[u8], content: &[u8]) -> Self {
        for bytes in [b"--limit\r\nContent-Disposition: form-data; ", head, b"\r\n\r\n", content, b"\r\n"] {
            self.0.extend_from_slice(bytes);
        }
        self
    }

    /// The body without its end.
    pub fn cut(self) -> Vec<u8> {
        self.0
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"--limit--\r\n");
        self.0
    }
}
