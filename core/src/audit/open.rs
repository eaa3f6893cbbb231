//! From what a device was told to a device at work.

use std::path::PathBuf;
use std::sync::Arc;

use super::api_rules::ApiRules;
use super::device::{Device, Sink};
use super::options::{OptionError, Plan, Target};
use super::sink::file::{FileSink, Place};
use super::sink::http::{HttpSink, Post};
use super::sink::socket::SocketSink;
use super::sink::stdout::{Discard, Stdout};
use super::sink::syslog::{SOCKETS, SyslogSink};

/// What opening takes besides the plan.
#[derive(Clone)]
pub struct Opener {
    /// Without one there are no http devices.
    pub http: Option<Arc<dyn Post>>,
}

impl Opener {
    /// `place` is where the file really is, if it is one and the API made it.
    pub fn sink(&self, plan: &Plan, place: Option<Place>) -> Result<Box<dyn Sink>, OptionError> {
        Ok(match &plan.target {
            Target::File { path, mode, sync } => {
                Box::new(FileSink::new(place.unwrap_or_else(|| Place::At(path.clone())), *mode, *sync))
            }
            Target::Stdout => Box::new(Stdout),
            Target::Discard => Box::new(Discard),
            Target::Socket { kind, address } => Box::new(SocketSink::new(*kind, address)),
            Target::Syslog { facility, tag } => Box::new(SyslogSink::new(sockets(), *facility, tag)),
            Target::Http(target) => {
                let (Some(client), Ok(runtime)) = (self.http.clone(), tokio::runtime::Handle::try_current()) else {
                    return Err(OptionError("this server has no client for http devices".into()));
                };
                Box::new(HttpSink::new(target.clone(), client, runtime))
            }
        })
    }

    /// Whether the device can be opened here and now. May block for as long as connecting takes.
    pub fn check(&self, plan: &Plan, place: Option<Place>) -> Result<(), String> {
        match &plan.target {
            Target::File { path, mode, sync } => {
                FileSink::new(place.unwrap_or_else(|| Place::At(path.clone())), *mode, *sync).check()
            }
            Target::Socket { kind, address } => SocketSink::new(*kind, address).check(plan.rules.patience.0),
            Target::Syslog { facility, tag } => SyslogSink::new(sockets(), *facility, tag).check(),
            // The other side gets no entry that nobody has asked for.
            Target::Http(_) | Target::Stdout | Target::Discard => Ok(()),
        }
    }

    /// Starts a device that the API has made. One that the rules of this node forbid is there all the same, and says so
    /// with every entry: it must not seem that it writes.
    pub fn start(&self, name: &str, kind: &str, plan: &Plan, rules: &ApiRules) -> std::io::Result<Device> {
        let sink = rules.check_enabled().and_then(|()| rules.place(plan)).and_then(|place| self.sink(plan, place));
        let sink = sink.unwrap_or_else(|error| Box::new(Forbidden(error.0)));
        Device::start(name, kind, plan.rules.clone(), sink)
    }
}

/// A device that this node may not or cannot have.
pub struct Forbidden(pub String);

impl Sink for Forbidden {
    fn write(&mut self, _lines: &[bytes::Bytes], _patience: std::time::Duration) -> super::device::Written {
        super::device::Written::All(Err(self.0.clone()))
    }
}

fn sockets() -> Vec<PathBuf> {
    SOCKETS.map(PathBuf::from).to_vec()
}
