//! A secret of version 2: its settings, then its versions in order, each under the number that it has.
//!
//! A version that the source does not give out takes its number all the same: a stand-in is written and, at the end,
//! destroyed. To have it as deleted would say that its content can be brought back.

use serde_json::{Value, json};

use super::super::mounts::Mount;
use super::super::report::{Lost, Outcome, Part};
use super::Import;
use super::history::{compare, stand_in};
use super::secret::{Place, Secret, Settings, Version};
use crate::cli::failure::Failure;

pub async fn carry(import: &Import, mount: &Mount, name: &str) -> Result<Option<Outcome>, Failure> {
    let at = Place::new(mount, name);
    let Some(there) = import.from.get(&at.path("metadata")).await?.found()? else { return Ok(None) };
    let there = Secret::of(&there);
    let here = import.here(mount, &at.path("metadata")).await?.map(|answer| Secret::of(&answer));
    let mut work = Work { import, at, roomy: there.roomy(mount), there, done: false };
    let Some(mut here) = here else {
        if work.skips(import, mount, name) {
            return Ok(Some(Outcome::Skipped));
        }
        let mut here = Secret::default();
        if work.roomy != Settings::default() {
            here.set(import, &work.at, work.roomy.clone()).await?;
        }
        work.append(&mut here, Vec::new()).await?;
        work.settle(&mut here).await?;
        return Ok(Some(Outcome::Made));
    };
    let compared = compare(import, &work.at, &work.there, &here).await?;
    let same_settings = here.settings == work.there.settings || here.settings == work.roomy;
    let why = match (compared.differs, same_settings) {
        (Some(number), _) => Some(format!("version {number} is not the source's")),
        (None, _) if here.current > work.there.current => {
            Some(format!("has {} versions more than the source", here.current - work.there.current))
        }
        (None, false) => Some("its settings are not the source's".to_owned()),
        (None, true) => None,
    };
    let Some(why) = why else {
        work.append(&mut here, compared.stand_ins).await?;
        work.settle(&mut here).await?;
        return Ok(Some(if work.done { Outcome::Completed } else { Outcome::Same }));
    };
    if !import.overwrite {
        return Ok(Some(Outcome::Differs(why)));
    }
    if !same_settings {
        here.set(import, &work.at, work.roomy.clone()).await?;
    }
    if compared.differs.is_some() || here.current > work.there.current {
        work.put_newest_on_top(&here).await?;
    } else {
        work.append(&mut here, compared.stand_ins).await?;
    }
    work.settle(&mut here).await?;
    Ok(Some(Outcome::Overwritten))
}

struct Work<'a> {
    import: &'a Import,
    at: Place,
    there: Secret,
    /// The source's settings while versions come.
    roomy: Settings,
    /// Something was written.
    done: bool,
}

impl Work<'_> {
    /// One whose history is long and gone would take a write for each version of it.
    fn skips(&self, import: &Import, mount: &Mount, name: &str) -> bool {
        let gone = self.there.oldest() - 1;
        if gone <= import.most_gaps {
            return false;
        }
        let why = format!("its first {gone} versions are gone; -most-gaps={gone} writes that many to keep the numbers");
        import.report().note(Part::Secrets, &format!("{}{name}", mount.path), &why);
        true
    }

    /// Writes the versions that the target lacks, and sees to it that nothing but them is left.
    async fn append(&mut self, here: &mut Secret, mut stand_ins: Vec<u64>) -> Result<(), Failure> {
        for number in here.current + 1..=self.there.current {
            let data = self.read(number).await?;
            if data.is_none() {
                stand_ins.push(number);
                if number >= self.there.oldest() {
                    self.import.report().lost(Lost::Gap, 1);
                }
            }
            self.put(number, &data.unwrap_or_else(stand_in)).await?;
            here.current = number;
            if stand_ins.len() == STAND_INS_MOST {
                self.destroy(&mut stand_ins).await?;
            }
        }
        self.destroy(&mut stand_ins).await
    }

    /// Takes back the room that was there for the versions to come.
    async fn settle(&mut self, here: &mut Secret) -> Result<(), Failure> {
        if here.settings != self.there.settings {
            here.set(self.import, &self.at, self.there.settings.clone()).await?;
            self.done = true;
        }
        Ok(())
    }

    /// What a version holds. A dry run does not read what it knows to be there.
    async fn read(&self, number: u64) -> Result<Option<Value>, Failure> {
        let version = self.there.versions.get(&number).copied().unwrap_or(Version::Destroyed);
        match version {
            Version::Destroyed => Ok(None),
            Version::Whole if self.import.dry_run => Ok(Some(Value::Null)),
            Version::Whole => self.at.version(&self.import.from, number).await,
            Version::Ends => {
                let data = self.at.version(&self.import.from, number).await?;
                if data.is_some() {
                    self.import.report().lost(Lost::Ending, 1);
                }
                Ok(data)
            }
        }
    }

    /// Only behind the version before it, so that none comes twice.
    async fn put(&mut self, number: u64, data: &Value) -> Result<(), Failure> {
        let body = json!({ "data": data, "options": { "cas": number - 1 } });
        self.import.write(&self.at.path("data"), &body).await?;
        self.import.report().add(Part::Versions, "", Outcome::Made);
        self.done = true;
        Ok(())
    }

    async fn destroy(&mut self, stand_ins: &mut Vec<u64>) -> Result<(), Failure> {
        if stand_ins.is_empty() {
            return Ok(());
        }
        self.import.write(&self.at.path("destroy"), &json!({ "versions": stand_ins })).await?;
        stand_ins.clear();
        self.done = true;
        Ok(())
    }

    /// The target's history stays below it.
    async fn put_newest_on_top(&mut self, here: &Secret) -> Result<(), Failure> {
        let Some(newest) = self.at.version(&self.import.from, self.there.current).await? else { return Ok(()) };
        let shown = self.import.target_version(&self.at, here.current).await?;
        if shown.as_ref() != Some(&newest) {
            self.put(here.current + 1, &newest).await?;
        }
        Ok(())
    }
}

/// Destroyed in one request.
const STAND_INS_MOST: usize = 1_000;
