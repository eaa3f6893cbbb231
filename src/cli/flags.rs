//! Flags as Vault's users type them: `-format=json`, with one dash, and `-force=true`.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

/// Gives each long flag its second dash and takes from a switch the value that Go's programs allow it. What comes after
/// `--` is left alone.
pub fn normalise(command: &Command, arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let switches = switches(command);
    let mut literal = false;
    let mut normal = Vec::new();
    for argument in arguments {
        literal |= argument == "--";
        let Some(name) = argument.to_str().filter(|_| !literal).and_then(long_flag) else {
            normal.push(argument);
            continue;
        };
        let switch = name.split_once('=').filter(|(name, _)| switches.contains(*name));
        match switch.and_then(|(name, value)| Some((name, truth(value)?))) {
            Some((name, true)) => normal.push(format!("--{name}").into()),
            Some((_, false)) => {}
            None => normal.push(format!("--{name}").into()),
        }
    }
    normal
}

/// One dash or two, and a word of two letters or more. `-h`, `-1` and a lone `-` are not long flags.
fn long_flag(text: &str) -> Option<&str> {
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let mut letters = name.chars();
    let long = letters.next()?.is_ascii_alphabetic() && letters.next()?.is_ascii_alphanumeric();
    long.then_some(name)
}

fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Flags that no command gives a value.
fn switches(command: &Command) -> BTreeSet<String> {
    let (mut switches, mut valued) = (BTreeSet::new(), BTreeSet::new());
    collect(command, &mut switches, &mut valued);
    switches.retain(|name| !valued.contains(name));
    switches
}

fn collect(command: &Command, switches: &mut BTreeSet<String>, valued: &mut BTreeSet<String>) {
    for flag in command.get_arguments() {
        let names = flag.get_long().into_iter().map(str::to_owned);
        match flag.get_action() {
            ArgAction::SetTrue => switches.extend(names),
            _ => valued.extend(names),
        }
    }
    command.get_subcommands().for_each(|below| collect(below, switches, valued));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Vec<String> {
        let given = arguments.iter().map(OsString::from);
        normalise(&crate::cli::command(), given)
            .into_iter()
            .map(|argument| argument.into_string().expect("the test's texts are UTF-8"))
            .collect()
    }

    #[test]
    fn one_dash_becomes_two() {
        assert_eq!(of(&["server", "-config=a.hcl", "-dev"]), ["server", "--config=a.hcl", "--dev"]);
        assert_eq!(of(&["-format", "json", "--field=x"]), ["--format", "json", "--field=x"]);
    }

    #[test]
    fn what_is_no_long_flag_stays() {
        for same in [["-h", "-"], ["-1", "key=-"], ["@file", "a=-b"]] {
            assert_eq!(of(&same), same);
        }
        assert_eq!(of(&["--", "-value"]), ["--", "-value"]);
    }

    #[test]
    fn a_switch_may_have_a_truth() {
        assert_eq!(of(&["-orphan=true", "--detailed=1", "-force=false", "-dev=F"]), ["--orphan", "--detailed"]);
        assert_eq!(of(&["-renewable=false", "-dev=maybe"]), ["--renewable=false", "--dev=maybe"]);
    }
}
