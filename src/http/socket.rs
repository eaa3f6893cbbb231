//! What a listener is bound to: an address, or a file of this machine.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config::{Endpoint, UnixSocket};

pub enum Socket {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

pub enum Stream {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// Goes with the listener.
pub struct SocketFile(PathBuf);

impl Socket {
    pub async fn bind(endpoint: &Endpoint) -> io::Result<Socket> {
        match endpoint {
            Endpoint::Tcp { address, .. } => Ok(Socket::Tcp(TcpListener::bind(address).await?)),
            Endpoint::Unix(socket) => {
                remove_stale(&socket.path).await?;
                let listener = UnixListener::bind(&socket.path)?;
                let _file = SocketFile(socket.path.clone());
                permit(socket)?;
                Ok(Socket::Unix { listener, _file })
            }
        }
    }

    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix { .. } => None,
        }
    }

    pub async fn accept(&self) -> io::Result<Stream> {
        Ok(match self {
            Socket::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                // Answers are small: waiting to fill a packet would only delay them.
                let _ = stream.set_nodelay(true);
                Stream::Tcp(stream, remote)
            }
            Socket::Unix { listener, .. } => Stream::Unix(listener.accept().await?.0),
        })
    }
}

/// A socket that nobody answers at is what a killed process left. Anything else stays.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(problem) => Err(problem),
        Ok(file) if !file.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name that is no socket"))
        }
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
            Err(_) => fs::remove_file(path),
        },
    }
}

fn permit(socket: &UnixSocket) -> io::Result<()> {
    let unknown =
        |what: &str, name: &str| io::Error::new(io::ErrorKind::NotFound, format!("there is no {what} {name}"));
    let user = socket.user.as_ref().map(|name| {
        let found = || uzers::get_user_by_name(name).map(|user| user.uid());
        name.parse().ok().or_else(found).ok_or_else(|| unknown("user", name))
    });
    let group = socket.group.as_ref().map(|name| {
        let found = || uzers::get_group_by_name(name).map(|group| group.gid());
        name.parse().ok().or_else(found).ok_or_else(|| unknown("group", name))
    });
    let (user, group) = (user.transpose()?, group.transpose()?);
    if user.is_some() || group.is_some() {
        chown(&socket.path, user, group)?;
    }
    match socket.mode {
        Some(mode) => fs::set_permissions(&socket.path, fs::Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already; the next start removes what is left.
        let _ = fs::remove_file(&self.0);
    }
}
