//! Writing a backup, record by record. What is in memory is one file of the state and the sums of those before.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use storage::{Millis, Stored};

use super::{CHUNK, Header, META, SEALED, SUMS, record, state_file, sum_line};

pub(super) struct Writer<W: Write> {
    tar: tar::Builder<GzEncoder<W>>,
    created: Millis,
    chunk: Vec<u8>,
    files: u32,
    sums: String,
}

impl<W: Write> Writer<W> {
    pub fn new(to: W, created: Millis, header: &Header) -> io::Result<Self> {
        // Most of it is ciphertext, which no effort makes smaller.
        let tar = tar::Builder::new(GzEncoder::new(to, Compression::fast()));
        let mut writer = Self { tar, created, chunk: Vec::new(), files: 0, sums: String::new() };
        let json = serde_json::to_vec_pretty(header).map_err(io::Error::other)?;
        writer.file(META, &json)?;
        Ok(writer)
    }

    /// Records come in key order.
    pub fn record(&mut self, key: &[u8], stored: &Stored) -> io::Result<()> {
        let before = self.chunk.len();
        record::write(&mut self.chunk, key, stored);
        if before > 0 && self.chunk.len() > CHUNK {
            let next = self.chunk.split_off(before);
            self.flush()?;
            self.chunk = next;
        }
        Ok(())
    }

    /// Ends it; `mac` is given the hash of the sums.
    pub fn finish(mut self, mac: impl FnOnce(&[u8; 32]) -> [u8; 32]) -> io::Result<W> {
        self.flush()?;
        let sums = std::mem::take(&mut self.sums);
        self.file(SUMS, sums.as_bytes())?;
        self.file(SEALED, format!("{}\n", hex::encode(mac(&crypto::sha256(sums.as_bytes())))).as_bytes())?;
        self.tar.into_inner()?.finish()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.file(&state_file(self.files), &chunk)?;
        self.files = self.files.checked_add(1).ok_or_else(|| io::Error::other("the state has too many files"))?;
        Ok(())
    }

    fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.sums.push_str(&sum_line(&crypto::sha256(content), name));
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.created.seconds());
        header.set_cksum();
        self.tar.append(&header, content)
    }
}
