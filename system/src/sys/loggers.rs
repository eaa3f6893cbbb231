//! `sys/loggers`, `sys/loggers/:name`: from which severity on the node that was asked writes lines, as a whole and by its
//! parts. Until it is started anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sdk::{Act, Answer, Failure, Input, Outcome, Params, Path, Result, Value, Verb};

use crate::measures::Measures;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The part's name.
    name: String,
}

#[derive(Input)]
struct Level {
    /// trace, debug, info, warn or error.
    level: Option<String>,
}

#[derive(Input)]
struct NamedLevel {
    #[field(flatten)]
    of: Named,
    #[field(flatten)]
    to: Level,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    One,
}

#[derive(Clone, Copy)]
enum What {
    Show,
    Set,
    /// To what the configuration says.
    Reset,
}

struct Loggers {
    measures: Arc<dyn Measures>,
    of: Of,
    what: What,
}

pub fn all(measures: &Arc<dyn Measures>) -> Path {
    let act = |what| Loggers { measures: Arc::clone(measures), of: Of::All, what };
    Path::new("loggers")
        .help("Shows and sets how much this node logs.", "Of each part, from which severity on lines are written.")
        .answers(Verb::Read, Outcome::data::<BTreeMap<String, String>>())
        .act::<Nothing>(Verb::Read, act(What::Show))
        .act::<Level>(Verb::Write, act(What::Set))
        .act::<Nothing>(Verb::Delete, act(What::Reset))
}

pub fn one(measures: &Arc<dyn Measures>) -> Path {
    let act = |what| Loggers { measures: Arc::clone(measures), of: Of::One, what };
    Path::new("loggers/:name+")
        .help("Shows and sets how much one part of this node logs.", "From which severity on lines are written.")
        .answers(Verb::Read, Outcome::data::<BTreeMap<String, String>>())
        .act::<Named>(Verb::Read, act(What::Show))
        .act::<NamedLevel>(Verb::Write, act(What::Set))
        .act::<Named>(Verb::Delete, act(What::Reset))
}

#[async_trait]
impl Act for Loggers {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let name = || match self.of {
            Of::All => Ok(None),
            Of::One => Named::parse(params).map(|named| Some(named.name)),
        };
        match self.what {
            What::Show => {
                let (mut levels, name) = (self.measures.log_levels(), name()?);
                levels.retain(|known, _| name.as_ref().is_none_or(|name| known == name));
                let levels = levels.into_iter().map(|(name, level)| (name, Value::from(level))).collect();
                Ok(Answer::data(levels).listing_warnings())
            }
            What::Set => {
                let (name, level) = match self.of {
                    Of::All => (None, Level::parse(params)?),
                    Of::One => {
                        let NamedLevel { of, to } = NamedLevel::parse(params)?;
                        (Some(of.name), to)
                    }
                };
                let level = level.level.ok_or_else(|| Failure::invalid("level is required"))?;
                self.measures.set_log_level(name.as_deref(), Some(&level))?;
                Ok(Answer::empty())
            }
            What::Reset => {
                self.measures.set_log_level(name()?.as_deref(), None)?;
                Ok(Answer::empty())
            }
        }
    }

    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        matches!(self.what, What::Show)
    }
}
