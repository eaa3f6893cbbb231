//! `raft/peers.json`: a recovery asked for by a file, as Vault's operators know it. The next start carries it out and
//! deletes the file.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::{RecoverError, Survivor, recover_locked};
use crate::snapshot::sync_folder;

/// Below the folder of the node's data.
const FILE: &str = "raft/peers.json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    /// Its name.
    id: String,
    address: String,
    #[serde(default)]
    non_voter: bool,
}

/// Carries out what the file asks for, if there is one. The folder must be locked. Should the process end before the file is
/// deleted, the same is found to be done already.
pub(crate) fn consume(data: &Path) -> Result<(), RecoverError> {
    let path = data.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let survivors = parse(&text).map_err(|problem| RecoverError::File { path: path.clone(), problem })?;
    recover_locked(data, &survivors)?;
    fs::remove_file(&path)?;
    sync_folder(&data.join("raft"))?;
    Ok(())
}

fn parse(text: &[u8]) -> Result<Vec<Survivor>, String> {
    let peers: Vec<Peer> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if peers.is_empty() {
        return Err("it names nobody".to_owned());
    }
    let survivor = |peer: Peer| {
        let port = peer.address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        match port {
            Some((host, port)) if !host.is_empty() && port != 0 => {
                Ok(Survivor { name: peer.id, address: Some(peer.address), voter: !peer.non_voter })
            }
            _ => Err(format!("the address {:?} of {:?} is not host:port", peer.address, peer.id)),
        }
    };
    peers.into_iter().map(survivor).collect()
}
