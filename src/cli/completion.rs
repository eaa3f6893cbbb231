//! `holdfast completion`: what a shell must know to complete commands.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::failure::{Done, Failure};
use super::{environment, output};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  source <(holdfast completion bash)\n  holdfast completion fish -install\n  holdfast completion zsh > ~/.zfunc/_holdfast"
)]
pub struct Arguments {
    /// The shell
    shell: Shell,
    /// Write them where the shell looks for them, not to standard output
    #[arg(long)]
    install: bool,
}

pub fn run(arguments: Arguments) -> Result<Done, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "holdfast", &mut text);
    if !arguments.install {
        return output::bytes(&text);
    }
    let file = place(arguments.shell)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::written(folder, error))?;
    }
    fs::write(&file, text).map_err(|error| Failure::written(&file, error))?;
    output::say(&format!("Success! Wrote {}: new shells complete holdfast's commands.", file.display()))
}

fn place(shell: Shell) -> Result<PathBuf, Failure> {
    let below_home = match shell {
        Shell::Bash => ".local/share/bash-completion/completions/holdfast",
        Shell::Fish => ".config/fish/completions/holdfast.fish",
        _ => {
            let problem = format!("Where {shell} looks is set by its user: write to a file in that folder yourself");
            return Err(Failure::usage(problem));
        }
    };
    let home = environment::home().ok_or_else(|| Failure::usage("Without HOME there is no place to install to"))?;
    Ok(home.join(below_home))
}
