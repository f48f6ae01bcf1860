//! Unpacks a member of a zip as its bytes come, in small steps and bounded memory.

use bytes::{Buf, Bytes};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Largest piece of unpacked bytes: a step takes well below a millisecond.
const PIECE: usize = 32 << 10;

/// A member on its way out.
pub struct Unpacker {
    /// `None`: it is stored as it is.
    inflate: Option<Decompress>,
    crc: Crc,
    stated_crc: u64,
    /// What the directory says is still to come, in unpacked bytes.
    left: u64,
}

impl Unpacker {
    /// `size`: unpacked, in bytes.
    pub(super) fn new(is_deflated: bool, size: u64, stated_crc: u64) -> Self {
        let inflate = is_deflated.then(|| Decompress::new(false));
        Self { inflate, crc: Crc::new(), stated_crc, left: size }
    }

    /// Whether all of it came out.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Takes packed bytes off the beginning and returns the next piece, which may be empty when it needs more of them.
    ///
    /// # Errors
    /// When it is not what the directory says; the last piece is not returned then.
    pub fn step(&mut self, packed: &mut Bytes) -> Result<Bytes, &'static str> {
        let most = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let piece = match &mut self.inflate {
            None => packed.split_to(most.min(packed.len())),
            Some(inflate) => {
                let mut piece = vec![0; most];
                let (taken, given) = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(packed, &mut piece, FlushDecompress::None);
                let status = status.map_err(|_| "is damaged")?;
                packed.advance(usize::try_from(inflate.total_in() - taken).map_err(|_| "is damaged")?);
                piece.truncate(usize::try_from(inflate.total_out() - given).map_err(|_| "is damaged")?);
                if status == Status::StreamEnd && (piece.len() as u64) < self.left {
                    return Err("is shorter than its zip directory says");
                }
                piece.into()
            }
        };
        self.crc.update(&piece);
        self.left -= piece.len() as u64;
        match self.left == 0 && u64::from(self.crc.sum()) != self.stated_crc {
            true => Err("is damaged: its checksum is wrong"),
            false => Ok(piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::DeflateEncoder};
    use std::io::Write;

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn crc(content: &[u8]) -> u64 {
        let mut crc = Crc::new();
        crc.update(content);
        crc.sum().into()
    }

    /// Unpacks what comes in pieces of this length.
    fn unpack(mut member: Unpacker, packed: &[u8], length: usize) -> Result<Vec<u8>, &'static str> {
        let mut unpacked = Vec::new();
        for part in packed.chunks(length) {
            let mut part = Bytes::copy_from_slice(part);
            while !member.is_done() {
                let piece = member.step(&mut part)?;
                assert!(piece.len() <= PIECE);
                unpacked.extend_from_slice(&piece);
                if piece.is_empty() && part.is_empty() {
                    break;
                }
            }
        }
        if member.is_done() { Ok(unpacked) } else { Err("is cut") }
    }

    #[test]
    fn a_member_comes_out_as_it_was_however_its_bytes_come() {
        let content: Vec<u8> = (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        for (is_deflated, packed) in [(true, deflated(&content)), (false, content.clone())] {
            for length in [1, 100, 1 << 20] {
                let unpacker = Unpacker::new(is_deflated, content.len() as u64, crc(&content));
                assert!(unpack(unpacker, &packed, length).as_ref() == Ok(&content), "{is_deflated} {length}");
            }
        }
    }

    #[test]
    fn a_member_that_is_not_what_its_directory_says_does_not_end_well() {
        let content = vec![7; 1 << 20];
        let packed = deflated(&content);
        for (packed, size, crc, reason) in [
            (&packed[..], 1 << 20, 5, "is damaged: its checksum is wrong"),
            (&packed, 1 << 19, crc(&content), "is damaged: its checksum is wrong"),
            (&packed, 1 << 21, crc(&content), "is shorter than its zip directory says"),
            (&packed[..packed.len() / 2], 1 << 20, crc(&content), "is cut"),
            (&[0xff; 100], 1 << 20, crc(&content), "is damaged"),
        ] {
            assert_eq!(unpack(Unpacker::new(true, size, crc), packed, 1000).unwrap_err(), reason);
        }
        assert_eq!(unpack(Unpacker::new(false, 3, 5), b"abc", 2), Err("is damaged: its checksum is wrong"));
    }
}
