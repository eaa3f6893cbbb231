#![expect(clippy::disallowed_methods, reason = "these sinks block, and so do their tests; each loop has a bound")]

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::options::{HttpTarget, SocketKind};
use super::super::sink::file::{FileSink, Place};
use super::super::sink::http::{HttpSink, Post};
use super::super::sink::socket::SocketSink;
use super::super::sink::syslog::SyslogSink;
use super::*;

const PATIENCE: Duration = Duration::from_millis(50);

fn send(sink: &mut dyn Sink, line: &str) -> Result<(), String> {
    match sink.write(&[Bytes::from(format!("{line}\n"))], PATIENCE) {
        Written::All(result) => result,
        Written::Each(mut results) => results.remove(0),
    }
}

/// Tries until it works.
fn send_at_last(sink: &mut dyn Sink, line: &str) {
    for _ in 0..3000 {
        if send(sink, line).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within half a minute");
}

fn at(path: &Path) -> FileSink {
    FileSink::new(Place::At(path.to_owned()), None, false)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn fifo(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    path
}

#[test]
fn a_file_is_made_for_its_owner_alone_and_appended_to() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    send(&mut at(&path), "one").unwrap();
    send(&mut at(&path), "two").unwrap();
    assert_eq!(read(&path), "one\ntwo\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    send(&mut FileSink::new(Place::At(path.clone()), Some(0o640), true), "three").unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_removed_file_is_made_again_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut sink = at(&path);
    send(&mut sink, "one").unwrap();
    std::fs::remove_file(&path).unwrap();
    send(&mut sink, "two").unwrap();
    assert_eq!(read(&path), "two\n");
}

#[test]
fn a_renamed_file_is_noticed_and_no_entry_is_lost() {
    let folder = TempDir::new().unwrap();
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let mut sink = at(&path);
    send(&mut sink, "line").unwrap();
    std::fs::rename(&path, &old).unwrap();
    let mut sent = 1;
    while !path.exists() {
        assert!(sent < 3000, "not within half a minute");
        std::thread::sleep(Duration::from_millis(10));
        send(&mut sink, "line").unwrap();
        sent += 1;
    }
    assert_eq!(read(&old).lines().count() + read(&path).lines().count(), sent);
}

#[test]
fn a_rename_is_followed_at_once_when_told() {
    let folder = TempDir::new().unwrap();
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let mut sink = at(&path);
    send(&mut sink, "one").unwrap();
    std::fs::rename(&path, &old).unwrap();
    sink.reopen();
    send(&mut sink, "two").unwrap();
    assert_eq!((read(&old), read(&path)), ("one\n".into(), "two\n".into()));
}

#[test]
fn a_folder_that_is_gone_fails_and_works_again_when_it_is_back() {
    let folder = TempDir::new().unwrap();
    let (path, inner) = (folder.path().join("logs/log"), folder.path().join("logs"));
    let mut sink = at(&path);
    assert!(send(&mut sink, "one").unwrap_err().contains("cannot be opened"));
    std::fs::create_dir(&inner).unwrap();
    send(&mut sink, "two").unwrap();
    std::fs::remove_dir_all(&inner).unwrap();
    assert!(send(&mut sink, "three").is_err());
    std::fs::create_dir(&inner).unwrap();
    send(&mut sink, "four").unwrap();
    assert_eq!(read(&path), "four\n");
}

#[test]
fn a_full_disk_fails_every_time() {
    let mut sink = at(Path::new("/dev/full"));
    for _ in 0..2 {
        assert!(send(&mut sink, "one").unwrap_err().contains("No space left"));
    }
}

#[test]
fn syncing_is_an_option() {
    // What cannot be synced shows whether it was tried.
    let null = || Place::At("/dev/null".into());
    send(&mut FileSink::new(null(), None, false), "one").unwrap();
    assert!(send(&mut FileSink::new(null(), None, true), "one").is_err());
}

#[test]
fn a_pipe_without_a_reader_or_full_fails_and_recovers() {
    let folder = TempDir::new().unwrap();
    let path = fifo(&folder);
    let mut sink = at(&path);
    assert!(send(&mut sink, "one").unwrap_err().contains("nobody reads"));
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let long = "x".repeat(100_000);
    let problem = (0..10).find_map(|_| send(&mut sink, &long).err()).expect("a pipe has an end");
    assert!(problem.contains("the pipe is full"), "{problem}");
    let mut taken = vec![0; 1 << 16];
    let _ = reader.read(&mut taken).unwrap();
    send(&mut sink, "whole").unwrap();
    let n = reader.read(&mut taken).unwrap();
    let text = String::from_utf8_lossy(&taken[..n]).into_owned();
    assert!(text.ends_with("\nwhole\n"), "a torn line is ended first: {:?}", &text[text.len().saturating_sub(20)..]);
}

#[test]
fn within_a_folder_only_plain_files_of_our_own_are_opened() {
    let folder = TempDir::new().unwrap();
    let open = |name: &str| {
        let place = Place::Within { folder: folder.path().to_owned(), below: name.into() };
        send(&mut FileSink::new(place, None, false), "x")
    };
    open("new.log").unwrap();
    assert_eq!(read(&folder.path().join("new.log")), "x\n");
    std::fs::write(folder.path().join("run"), "").unwrap();
    std::fs::set_permissions(folder.path().join("run"), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(open("run").unwrap_err().contains("executable"));
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    assert!(open("link").is_err());
    std::os::unix::fs::symlink(folder.path(), folder.path().join("folder")).unwrap();
    assert!(open("folder/new.log").is_err());
    assert!(open("../other.log").is_err());
    std::fs::hard_link(folder.path().join("new.log"), folder.path().join("second")).unwrap();
    assert!(open("second").unwrap_err().contains("other names"));
    fifo(&folder);
    let _reader = std::fs::OpenOptions::new().read(true).write(true).open(folder.path().join("fifo")).unwrap();
    assert!(open("fifo").unwrap_err().contains("plain files"));
}

#[test]
fn tcp_reconnects_after_the_other_side_has_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut sink = SocketSink::new(SocketKind::Tcp, &address.to_string());
    send(&mut sink, "one").unwrap();
    let (first, _) = listener.accept().unwrap();
    let mut line = String::new();
    BufReader::new(first.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    drop((first, listener));
    assert!(send(&mut sink, "two").unwrap_err().contains("cannot be connected to"));
    let listener = TcpListener::bind(address).unwrap();
    send_at_last(&mut sink, "three");
    let (second, _) = listener.accept().unwrap();
    line.clear();
    BufReader::new(second).read_line(&mut line).unwrap();
    assert_eq!(line, "three\n");
}

#[test]
fn a_reader_that_stops_reading_is_not_waited_for_for_long() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sink = SocketSink::new(SocketKind::Tcp, &listener.local_addr().unwrap().to_string());
    let long = "x".repeat(1 << 20);
    let problem = (0..100).find_map(|_| send(&mut sink, &long).err()).expect("buffers have an end");
    assert!(problem.contains("timed out"), "{problem}");
}

#[test]
fn udp_and_unix_sockets() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sink = SocketSink::new(SocketKind::Udp, &receiver.local_addr().unwrap().to_string());
    send(&mut sink, "udp").unwrap();
    let mut got = [0; 64];
    let n = receiver.recv(&mut got).unwrap();
    assert_eq!(&got[..n], b"udp\n");
    assert!(send(&mut sink, &"x".repeat(70_000)).is_err(), "longer than a datagram");
    send(&mut sink, "after").unwrap();

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("stream");
    let mut sink = SocketSink::new(SocketKind::Unix, path.to_str().unwrap());
    assert!(send(&mut sink, "one").is_err());
    let listener = UnixListener::bind(&path).unwrap();
    send_at_last(&mut sink, "two");
    let mut line = String::new();
    BufReader::new(listener.accept().unwrap().0).read_line(&mut line).unwrap();
    assert_eq!(line, "two\n");

    let path = folder.path().join("datagrams");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut sink = SocketSink::new(SocketKind::UnixDatagram, path.to_str().unwrap());
    send(&mut sink, "three").unwrap();
    let n = receiver.recv(&mut got).unwrap();
    assert_eq!(&got[..n], b"three\n");
}

#[test]
fn syslog_has_its_form_and_survives_a_restart_of_the_daemon() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut sink = SyslogSink::new(vec!["/nowhere".into(), path.clone()], 10, "vault");
    assert!(send(&mut sink, "one").unwrap_err().contains("syslog does not listen"));
    for _ in 0..2 {
        let _ = std::fs::remove_file(&path);
        let daemon = UnixDatagram::bind(&path).unwrap();
        send(&mut sink, "{\"a\":1}").unwrap();
        let mut got = [0; 256];
        let n = daemon.recv(&mut got).unwrap();
        let text = String::from_utf8_lossy(&got[..n]).into_owned();
        assert!(text.starts_with("<86>"), "{text}");
        assert!(text.ends_with(&format!(" vault[{}]: {{\"a\":1}}", std::process::id())), "{text}");
    }
}

#[derive(Default)]
struct Client {
    posted: parking_lot::Mutex<Vec<(String, Bytes)>>,
    broken: AtomicBool,
}

#[async_trait::async_trait]
impl Post for Client {
    async fn post(&self, to: &HttpTarget, body: Bytes, _within: Duration) -> Result<(), String> {
        if self.broken.load(Ordering::Relaxed) {
            return Err("it answered 503".into());
        }
        self.posted.lock().push((to.uri.clone(), body));
        Ok(())
    }
}

#[test]
fn http_posts_each_entry() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Arc::new(Client::default());
    let target = HttpTarget { uri: "https://siem/x".into(), headers: Vec::new() };
    let mut sink = HttpSink::new(target, Arc::clone(&client) as _, runtime.handle().clone());
    let lines = [Bytes::from("one\n"), Bytes::from("two\n")];
    assert!(matches!(sink.write(&lines, PATIENCE), Written::Each(all) if all == [Ok(()), Ok(())]));
    let posted = client.posted.lock().clone();
    assert_eq!(posted, lines.map(|line| ("https://siem/x".to_owned(), line)));
    client.broken.store(true, Ordering::Relaxed);
    assert!(send(&mut sink, "three").unwrap_err().contains("503"));
}
