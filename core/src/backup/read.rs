//! Reading a backup from its beginning to its end, with every check that needs no key.
//!
//! The file comes from outside: no length in it is believed beyond a bound, and what is kept while reading does not grow
//! with it.

use std::io::{BufRead, BufReader, Read};

use bytes::Bytes;
use crypto::Sha256;
use flate2::bufread::GzDecoder;
use storage::{RawKey, Stored};

use super::{BackupError, Header, META, SEALED, SUMS, record, state_file, sum_line};

/// What a whole file came to.
#[derive(Clone, Debug)]
pub struct Whole {
    pub header: Header,
    pub records: u64,
    /// Of the records.
    pub bytes: u64,
    /// Proves, with the root key, who made it.
    pub(super) sums: [u8; 32],
    pub(super) mac: [u8; 32],
}

/// What one file of the state holds.
pub type Records = Vec<(RawKey, Stored)>;

/// The header alone; whether the rest is whole remains open.
pub fn header(from: impl Read) -> Result<Header, BackupError> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(from)));
    let mut entries = archive.entries().map_err(not_one)?.raw(true);
    first(&mut entries).map(|(header, _)| header)
}

/// Reads all of it, and hands over the records, file by file, in the order of their keys. They are to be believed only
/// when the end has come: `visit` may not do anything with them that cannot be undone.
pub fn walk(
    from: impl Read,
    visit: &mut dyn FnMut(&Header, Records) -> Result<(), BackupError>,
) -> Result<Whole, BackupError> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(from)));
    let mut entries = archive.entries().map_err(not_one)?.raw(true);
    let (header, json) = first(&mut entries)?;
    let mut sums = Sums::default();
    sums.add(&json, META);
    let (mut records, mut bytes, mut files, mut last) = (0, 0, 0, None);
    loop {
        let mut entry = next(&mut entries)?;
        let name = name_of(&entry);
        if name == SUMS {
            sums.compare(&mut entry)?;
            break;
        }
        if name != state_file(files) {
            return Err(BackupError::Damaged(format!("it has {name:?} where {:?} should come", state_file(files))));
        }
        let content = content(&mut entry, FILE_MAX)?;
        sums.add(&content, &name);
        bytes += content.len() as u64;
        let found = record::read_all(content)?;
        for (key, _) in &found {
            if last.as_ref().is_some_and(|last| last >= key) {
                return Err(BackupError::Damaged("its records are out of order".into()));
            }
            last = Some(key.clone());
        }
        if found.is_empty() {
            return Err(BackupError::Damaged(format!("{name:?} is empty")));
        }
        records += found.len() as u64;
        files += 1;
        visit(&header, found)?;
    }
    let mut entry = next(&mut entries)?;
    let (name, sealed) = (name_of(&entry), content(&mut entry, HEX_MAX)?);
    if name != SEALED {
        return Err(BackupError::Damaged(format!("it has {name:?} where {SEALED:?} should come")));
    }
    let mut mac = [0; 32];
    hex::decode_to_slice(sealed.trim_ascii(), &mut mac)
        .map_err(|_| BackupError::Damaged(format!("{SEALED:?} is malformed")))?;
    if entries.next().is_some() {
        return Err(BackupError::Damaged("something follows its end".into()));
    }
    to_the_end(archive)?;
    Ok(Whole { header, records, bytes, sums: sums.sum(), mac })
}

type Entries<'a, R> = tar::Entries<'a, GzDecoder<BufReader<R>>>;
type Entry<'a, R> = tar::Entry<'a, GzDecoder<BufReader<R>>>;

fn first<R: Read>(entries: &mut Entries<'_, R>) -> Result<(Header, Bytes), BackupError> {
    let no = || BackupError::NotOne(format!("it does not begin with {META}"));
    let mut entry = entries.next().ok_or_else(no)?.map_err(not_one)?;
    if name_of(&entry) != META {
        return Err(no());
    }
    let json = content(&mut entry, META_MAX)?;
    Ok((Header::parse(&json)?, json))
}

fn next<'a, R: Read>(entries: &mut Entries<'a, R>) -> Result<Entry<'a, R>, BackupError> {
    Ok(entries.next().ok_or(BackupError::Incomplete)??)
}

fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

fn content<R: Read>(entry: &mut tar::Entry<'_, R>, most: u64) -> Result<Bytes, BackupError> {
    let size = entry.size();
    if size > most {
        return Err(BackupError::Damaged(format!(
            "{:?} has {size} bytes; at most {most} are expected",
            name_of(entry)
        )));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content)?;
    if content.len() as u64 != size {
        return Err(BackupError::Incomplete);
    }
    Ok(content.into())
}

/// What does not even begin as a backup does.
fn not_one(error: std::io::Error) -> BackupError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => BackupError::Incomplete,
        _ => BackupError::NotOne(error.to_string()),
    }
}

/// Behind a tar's end there may be zeros up to a block; then the compressed stream has to end, with its own checksum, and
/// the file with it.
fn to_the_end<R: Read>(archive: tar::Archive<GzDecoder<BufReader<R>>>) -> Result<(), BackupError> {
    let follows = || BackupError::Damaged("something follows its end".into());
    let mut rest = archive.into_inner();
    let mut padding = Vec::new();
    (&mut rest).take(PADDING_MAX).read_to_end(&mut padding)?;
    if padding.len() as u64 == PADDING_MAX || padding.iter().any(|byte| *byte != 0) {
        return Err(follows());
    }
    if rest.into_inner().fill_buf()?.is_empty() { Ok(()) } else { Err(follows()) }
}

/// The sums, as far as the files have come: their hash and length, for there may be many.
#[derive(Default)]
struct Sums {
    hash: Sha256,
    len: u64,
}

impl Sums {
    fn add(&mut self, content: &[u8], name: &str) {
        let line = sum_line(&crypto::sha256(content), name);
        self.hash.update(line.as_bytes());
        self.len += line.len() as u64;
    }

    fn sum(&self) -> [u8; 32] {
        self.hash.clone().finish()
    }

    fn compare<R: Read>(&self, entry: &mut tar::Entry<'_, R>) -> Result<(), BackupError> {
        let (mut hash, mut len, mut piece) = (Sha256::new(), 0, [0; 8192]);
        loop {
            match entry.read(&mut piece)? {
                0 => break,
                n => {
                    hash.update(&piece[..n]);
                    len += n as u64;
                }
            }
        }
        if len < entry.size() {
            return Err(BackupError::Incomplete);
        }
        if len == self.len && hash.finish() == self.sum() {
            return Ok(());
        }
        Err(BackupError::Damaged("its checksums are not those of its files".into()))
    }
}

const META_MAX: u64 = 1 << 20;
/// A file of the state may hold one record alone that is larger than usual.
const FILE_MAX: u64 = 12 << 20;
const HEX_MAX: u64 = 128;
const PADDING_MAX: u64 = 64 << 10;
