//! `holdfast operator raft recover`
//!
//! Works on the folder of a node that is stopped: more than half of the voters are gone for good, so nobody can be asked.
//! Without survivors it only shows where this node stands.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use cluster::recovery::{self, At, Report, Survey, Survivor};
use serde_json::{Value, json};

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};
use crate::config::{Flags, Loaded, Sources};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator raft recover -config=/etc/holdfast\n  holdfast operator raft recover -config=/etc/holdfast -survivor=node1 -survivor=node2\n  holdfast operator raft recover -data=/var/lib/holdfast -alone -yes\n\nStop the survivors and run it without -survivor at each: it shows how far the node's log goes. Then run it at the one whose\nlog has the highest term, and of those the highest index, or with the same -survivor at all of them, and start them. What\nis gone may not come back with its data."
)]
pub struct Arguments {
    /// The server's configuration: a file in HCL or JSON, or a folder of them; may be given again
    #[arg(long, value_name = "PATH", conflicts_with = "data")]
    config: Vec<PathBuf>,
    /// The folder of the node's data, which `path` of storage "raft" names
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// A node that goes on, this one among them, and where its cluster port is if that has changed; may be given again
    #[arg(long, value_name = "NAME[=HOST:PORT]", conflicts_with = "alone")]
    survivor: Vec<String>,
    /// This node alone goes on
    #[arg(long)]
    alone: bool,
    /// Do not ask whether it is meant
    #[arg(long, visible_alias = "force")]
    yes: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let data = folder(&arguments)?;
    let failed = |problem: recovery::RecoverError| Failure::refused(format!("Error: {problem}"));
    let survey = recovery::survey(&data).map_err(failed)?;
    let survivors = survivors(&arguments, &survey)?;
    if survivors.is_empty() {
        return globals.output()?.value(&stands(&survey), || shown(&survey));
    }
    let planned = recovery::rehearse(&data, &survivors).map_err(failed)?;
    if !planned.already && !arguments.yes {
        confirm(globals, &planned)?;
    }
    let done = recovery::recover(&data, &survivors).map_err(failed)?;
    let value = outcome(&done);
    globals.output()?.value(&value, || said(&done, &value))
}

fn folder(arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(data) = &arguments.data {
        return Ok(data.clone());
    }
    if arguments.config.is_empty() {
        return Err(Failure::usage("Name the node by -config=PATH or -data=FOLDER"));
    }
    let sources = Sources::of_process(arguments.config.clone(), Flags::default());
    let unusable = |error| Failure::usage(format!("Error loading configuration: {error}"));
    let Loaded { config, .. } = sources.load().map_err(unusable)?;
    Ok(config.storage.path)
}

fn survivors(arguments: &Arguments, survey: &Survey) -> Result<Vec<Survivor>, Failure> {
    if arguments.alone {
        let nobody = || Failure::refused("Error: this node is not among the members that its log names");
        return Ok(vec![Survivor { name: survey.name.clone().ok_or_else(nobody)?, address: None, voter: true }]);
    }
    let survivor = |text: &String| match text.split_once('=') {
        None => Ok(Survivor { name: text.clone(), address: None, voter: true }),
        Some((name, address)) => {
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            let wrong = || Failure::usage(format!("-survivor={text}: the address must be HOST:PORT"));
            port.ok_or_else(wrong)?;
            Ok(Survivor { name: name.to_owned(), address: Some(address.to_owned()), voter: true })
        }
    };
    arguments.survivor.iter().map(survivor).collect()
}

fn confirm(globals: &Globals, planned: &Report) -> Result<(), Failure> {
    if globals.non_interactive || !io::stdin().is_terminal() {
        return Err(Failure::usage("Nobody can be asked whether this is meant: say so with -yes"));
    }
    eprint!("{}\nGo on? Only \"yes\" is taken: ", warning(planned));
    let unasked = |error: io::Error| Failure::usage(format!("Error asking: {error}"));
    io::stderr().flush().map_err(unasked)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(unasked)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::usage("Nothing was changed")) }
}

fn warning(planned: &Report) -> String {
    format!(
        "The cluster will be {} alone; {} will be no members any more.\nAll entries of this node's log count as committed from \
         now on, {} of which it did not know to be.\nWhat was acknowledged and is in no survivor's log is lost. A node that \
         goes no further may not come back with its data.",
        planned.survivors.join(", "),
        if planned.former.is_empty() { "none".to_owned() } else { planned.former.join(", ") },
        planned.kept,
    ) + &newly_voting(planned)
}

/// A permanent standby may stand in another place, and was not meant to decide anything.
fn newly_voting(planned: &Report) -> String {
    if planned.given_votes.is_empty() {
        return String::new();
    }
    format!(
        "\nHad no vote and will have one: {}. To leave one without, use raft/peers.json with \"non_voter\": true.",
        planned.given_votes.join(", ")
    )
}

fn stands(survey: &Survey) -> Value {
    let log = |at: Option<At>| at.map_or(Value::Null, place);
    let members: Vec<Value> = survey
        .members
        .iter()
        .map(|(id, member, voter)| {
            json!({ "raft_id": format!("{id:016x}"), "id": member.name, "address": member.address, "voter": voter })
        })
        .collect();
    json!({
        "id": survey.name,
        "raft_id": format!("{:016x}", survey.id),
        "last": log(survey.last),
        "committed": log(survey.committed),
        "applied": log(survey.applied),
        "revision": survey.revision.to_string(),
        "fingerprint": hex::encode(survey.fingerprint),
        "removed": survey.removed,
        "state_diverged": survey.diverged,
        "members": members,
    })
}

fn place(at: At) -> Value {
    json!({ "term": at.term, "index": at.index })
}

fn shown(survey: &Survey) -> String {
    let value = stands(survey);
    let log = |name: &str| match &value[name] {
        Value::Null => "none".to_owned(),
        at => format!("term {}, index {}", at["term"], at["index"]),
    };
    let mut rows = vec![
        ["Node".to_owned(), cell(&value["id"])],
        ["Raft ID".to_owned(), cell(&value["raft_id"])],
        ["Log Ends At".to_owned(), log("last")],
        ["Known Committed".to_owned(), log("committed")],
        ["Applied".to_owned(), log("applied")],
        ["Revision".to_owned(), cell(&value["revision"])],
        ["Fingerprint".to_owned(), cell(&value["fingerprint"])],
        ["Removed".to_owned(), cell(&value["removed"])],
    ];
    if let Some(why) = &survey.diverged {
        rows.push(["State Diverged".to_owned(), why.clone()]);
    }
    for (_, member, voter) in &survey.members {
        let vote = if *voter { "votes" } else { "does not vote" };
        rows.push(["Member".to_owned(), format!("{} at {}, {vote}", member.name, member.address)]);
    }
    output::pairs(&rows)
}

fn outcome(done: &Report) -> Value {
    json!({
        "survivors": done.survivors,
        "former_members": done.former,
        "given_votes": done.given_votes,
        "from": place(done.from),
        "kept_uncommitted": done.kept,
        "already_done": done.already,
    })
}

fn said(done: &Report, value: &Value) -> String {
    if done.already {
        return format!("Done before: the cluster is {} alone.", done.survivors.join(", "));
    }
    let mut rows = vec![
        ["Survivors".to_owned(), done.survivors.join(", ")],
        ["Former Members".to_owned(), done.former.join(", ")],
        ["Recovered From".to_owned(), format!("term {}, index {}", value["from"]["term"], value["from"]["index"])],
        ["Entries Kept".to_owned(), format!("{} that this node did not know to be committed", done.kept)],
    ];
    if !done.given_votes.is_empty() {
        rows.insert(1, ["Given A Vote".to_owned(), done.given_votes.join(", ")]);
    }
    format!("{}\nStart the survivors, unseal them, and let new nodes join.", output::pairs(&rows))
}
