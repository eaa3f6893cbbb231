use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Command, FromArgMatches};

#[test]
fn no_two_flags_are_in_each_others_way() {
    super::command().debug_assert();
    let of_every = super::command();
    let globals: BTreeSet<&str> = of_every.get_arguments().filter_map(|flag| flag.get_long()).collect();
    let mut commands = Vec::new();
    leaves(&super::command(), "holdfast", &mut commands);
    for (name, command) in commands {
        let own: Vec<&str> = command.get_arguments().filter_map(|flag| flag.get_long()).collect();
        let taken = own.iter().find(|flag| globals.contains(*flag));
        assert_eq!(taken, None, "{name} has a flag of a name that every command has");
    }
}

/// Every command that does something, by its whole name.
fn leaves(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    let mut below = command.get_subcommands().filter(|below| below.get_name() != "help").peekable();
    if below.peek().is_none() {
        found.push((name.to_owned(), command.clone()));
    }
    for command in below {
        leaves(command, &format!("{name} {}", command.get_name()), found);
    }
}

#[test]
fn every_command_says_what_it_does_and_shows_an_example() {
    let mut commands = Vec::new();
    leaves(&super::command(), "holdfast", &mut commands);
    assert!(commands.len() > 70, "{} commands", commands.len());
    for (name, command) in commands {
        assert!(command.get_about().is_some(), "{name} does not say what it does");
        let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        // What one command shares with another is shown by the shared part's name.
        let shown = name.replace("rotate-keys", "rekey");
        let named = example.contains(&shown) || name == "holdfast print token";
        assert!(named && example.starts_with("Example"), "{name} shows no example: {example:?}");
        for flag in command.get_arguments().filter(|flag| flag.get_id() != "help") {
            assert!(flag.get_help().is_some(), "{name}: {} has no help", flag.get_id());
        }
    }
}

/// As a shell does, without what it does besides: quotes are taken off, and a redirection, a pipe or a bracket ends the command.
fn words(line: &str) -> Vec<OsString> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for sign in line.chars() {
        match (sign, quote) {
            ('\'' | '"', None) => quote = Some(sign),
            (sign, Some(open)) if sign == open => quote = None,
            (' ', None) => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            ('<' | '>' | '|' | ')', None) => break,
            _ => word.push(sign),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words.into_iter().map(OsString::from).collect()
}

#[test]
fn every_example_is_a_command_that_can_be_given() {
    let mut commands = Vec::new();
    leaves(&super::command(), "holdfast", &mut commands);
    let mut shown = 0;
    for (name, command) in commands {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        // What is before it on the line, as a variable or a pipe into it, is the shell's.
        for line in examples.lines().filter_map(|line| Some(&line[line.find("holdfast ")?..])) {
            let mut all = super::command();
            let given = super::flags::normalise(&all, words(line).into_iter());
            let parsed =
                all.try_get_matches_from_mut(given).and_then(|found| super::Arguments::from_arg_matches(&found));
            if let Err(problem) = parsed {
                panic!("{name}: {line}: {problem}");
            }
            shown += 1;
        }
    }
    assert!(shown > 100, "{shown} examples");
}

#[test]
fn the_server_that_is_asked_is_not_where_a_primary_is() {
    let line = "holdfast operator dr secondary update-primary -address=https://here:8200";
    let mut all = super::command();
    let given = super::flags::normalise(&all, words(line).into_iter());
    let problem = all.try_get_matches_from_mut(given).unwrap_err().to_string();
    assert!(problem.contains("--token") && problem.contains("--primary-address"), "{problem}");
}
