//! One node as a process, driven by lines on its standard input: `<tag> <command> [arguments]`, each answered by
//! `<tag> <answer>` in whatever order they are done. It is unsealed from the start, and of the next version if it is told so,
//! which a build with the feature `faults` can be. For tests alone.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cluster::{ForwardHandler, Joining, Loaded, Member, Node, Options, Timing};
use storage::{Batch, Class, CommitError, Millis, RawKey, RequestId, Revision, SegKind, Stored, Term, Value};
use tokio::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct NoForwarding;

#[async_trait]
impl ForwardHandler for NoForwarding {
    async fn handle(&self, _id: RequestId, _from: u64, _payload: Bytes) -> Bytes {
        Bytes::new()
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let [_, data, name, port, version @ ..] = &args[..] else {
        return Err("usage: cluster-test-node <data> <name> <port> [next]".into());
    };
    if !version.is_empty() {
        be_next()?;
    }
    let port: u16 = port.parse()?;
    let options = Options {
        data: data.into(),
        name: name.clone(),
        listen: vec![([127, 0, 0, 1], port).into()],
        advertise: format!("127.0.0.1:{port}"),
        api_address: format!("https://{name}"),
        timing: Timing::default(),
        max_entry_size: 1 << 20,
        read_index_only: false,
        snapshot_rate: None,
        feed_max: 1 << 30,
    };
    let node = Node::open(options, Arc::new(NoForwarding)).await?;
    node.set_sealed(false);
    answer("0", "up");
    let (lines, mut queue) = tokio::sync::mpsc::channel(1024);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = queue.recv().await {
        let node = node.clone();
        tokio::spawn(async move {
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            let said = run(&node, command).await.unwrap_or_else(|error| format!("error {error}"));
            answer(tag, &said);
        });
    }
    node.shutdown(soon()).await;
    Ok(())
}

#[cfg(feature = "faults")]
fn be_next() -> Result<(), Failure> {
    cluster::under_test::be_next();
    Ok(())
}

#[cfg(not(feature = "faults"))]
fn be_next() -> Result<(), Failure> {
    Err("the next version takes the feature `faults`".into())
}

fn answer(tag: &str, said: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that is gone has killed this process or is about to.
    writeln!(out, "{tag} {said}").and_then(|()| out.flush()).ok();
}

async fn run(node: &Node, command: &str) -> Result<String, Failure> {
    let words: Vec<&str> = command.split(' ').collect();
    Ok(match words[..] {
        ["found"] => node.found(batch("first", "1")?).await.map(|_| "ok".to_owned())?,
        ["joining"] => {
            let Joining { id, member } = node.joining();
            write_members(&[(id, member)])
        }
        ["admit", joining] => {
            let (id, member) = read_members(joining)?.remove(0);
            write_members(&node.admit(Joining { id, member }, soon()).await?)
        }
        ["enter", members] => node.enter(read_members(members)?, soon()).await.map(|()| "ok".to_owned())?,
        ["voters"] => node.members().iter().filter(|m| m.voter).count().to_string(),
        ["format"] => node.format().0.to_string(),
        #[cfg(feature = "faults")]
        ["compact"] => node.compact(soon()).await?.to_string(),
        ["leads"] => node.leadership().borrow().is_ready().to_string(),
        ["write", key, value] => {
            let term = Term(node.leadership().borrow().term);
            match node.store().commit(term, batch(key, value)?).await {
                Ok(committed) => format!("ok {}", committed.index),
                Err(CommitError::NotActive | CommitError::Unavailable(_)) => "no".to_owned(),
                Err(error) => format!("unknown {error}"),
            }
        }
        ["read", key] => match node.read_point(soon()).await {
            Ok(_) => format!("value {}", get(node, key)?),
            Err(error) => format!("no {error}"),
        },
        // Loads so many chunks of one record each, instead of everything.
        ["load", tag, chunks] => {
            let mut load = node.load().await?;
            for n in 0..chunks.parse::<u32>()? {
                let value = Value::Bytes(Bytes::copy_from_slice(tag.as_bytes()));
                let stored = Stored { revision: Revision::default(), value };
                load.add(vec![(key(&format!("k{n}"))?, stored)]).await?;
            }
            let (revision, fingerprint) = node.fingerprint();
            load.switch(Loaded { revision, fingerprint, ..Loaded::default() }).await?.to_string()
        }
        ["local", key] => get(node, key)?,
        ["state"] => {
            let (revision, fingerprint) = node.fingerprint();
            let hex: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {revision} {hex}", node.store().applied())
        }
        _ => return Err(format!("no such command: {command}").into()),
    })
}

fn get(node: &Node, name: &str) -> Result<String, Failure> {
    Ok(match node.store().snapshot()?.get(&key(name)?)?.map(|stored| stored.value) {
        Some(Value::Bytes(bytes)) => String::from_utf8(bytes.to_vec())?,
        _ => "-".to_owned(),
    })
}

fn key(name: &str) -> Result<RawKey, Failure> {
    let mut key = RawKey::root(Class::Replicated);
    key.push(SegKind::Plain, name.as_bytes())?;
    Ok(key)
}

fn batch(name: &str, value: &str) -> Result<Batch, Failure> {
    let mut batch = Batch::new(RequestId { applied: 0, random: crypto::random() }, Millis(1));
    batch.puts.push((key(name)?, Bytes::copy_from_slice(value.as_bytes())));
    Ok(batch)
}

fn write_members(members: &[(u64, Member)]) -> String {
    let member = |(id, member): &(u64, Member)| {
        let key: String = member.key.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{id}|{}|{}|{}|{key}", member.name, member.address, member.api_address)
    };
    members.iter().map(member).collect::<Vec<_>>().join(",")
}

fn read_members(text: &str) -> Result<Vec<(u64, Member)>, Failure> {
    let member = |text: &str| -> Result<(u64, Member), Failure> {
        let [id, name, address, api_address, hex] = text.split('|').collect::<Vec<_>>()[..] else {
            return Err("a member has five parts".into());
        };
        let mut key = [0; 32];
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2).ok_or("a key has 64 digits")?, 16)?;
        }
        let (name, address, api_address) = (name.to_owned(), address.to_owned(), api_address.to_owned());
        Ok((id.parse()?, Member { name, address, api_address, key, non_voter: false }))
    };
    text.split(',').map(member).collect()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}
