use clap::Command;

#[test]
fn no_two_flags_are_in_each_others_way() {
    super::command().debug_assert();
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
