//! Names as servers list them: a page at a time where a server has pages, so that a large folder is never whole in memory.
//! One that has none answers all at once.

use std::collections::VecDeque;

use futures::stream::{self, Stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cli::client::{Ask, Client};
use crate::cli::failure::Failure;

/// What may stand in a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name as it goes into a path: nothing in it is taken for a query or for an encoding.
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, PLAIN).to_string()
}

const PAGE: usize = 1_000;

/// The names in one folder.
pub struct Names {
    /// As the API has it, encoded.
    folder: String,
    names: VecDeque<String>,
    after: Option<String>,
    ended: bool,
}

impl Names {
    pub fn of(folder: &str) -> Names {
        Names { folder: encoded(folder), names: VecDeque::new(), after: None, ended: false }
    }

    pub async fn next(&mut self, client: &Client) -> Result<Option<String>, Failure> {
        while self.names.is_empty() && !self.ended {
            self.turn(client).await?;
        }
        Ok(self.names.pop_front())
    }

    async fn turn(&mut self, client: &Client) -> Result<(), Failure> {
        let mut ask = Ask::list(&self.folder).query([("limit".to_owned(), PAGE.to_string())]);
        if let Some(after) = &self.after {
            ask = ask.query([("after".to_owned(), after.clone())]);
        }
        // Whoever cannot list cannot go on in this folder.
        self.ended = true;
        let Some(answer) = client.send(ask).await?.found()? else { return Ok(()) };
        let keys = answer["data"]["keys"].as_array().into_iter().flatten();
        self.take(keys.filter_map(|key| key.as_str().map(str::to_owned)).collect());
        Ok(())
    }

    fn take(&mut self, page: VecDeque<String>) {
        // A server without pages answers the same again.
        let again = self.after.as_ref().is_some_and(|after| page.contains(after));
        if again || page.is_empty() {
            self.ended = true;
            return;
        }
        self.ended = page.len() != PAGE;
        self.after = page.back().cloned();
        self.names = page;
    }
}

/// Every name below a folder of the source, folders being gone into as they come. Of what cannot be listed or named, its
/// place and why.
pub fn below<'a>(client: &'a Client, folder: &str) -> impl Stream<Item = Result<String, (String, Failure)>> + 'a {
    let top = Level { inside: String::new(), names: Names::of(folder) };
    stream::unfold((vec![top], folder.to_owned()), move |(mut levels, root)| async move {
        loop {
            let level = levels.last_mut()?;
            let name = match level.names.next(client).await {
                Ok(Some(name)) => name,
                Ok(None) => {
                    levels.pop();
                    continue;
                }
                Err(failure) => {
                    let inside = levels.pop().map(|level| level.inside).unwrap_or_default();
                    return Some((Err((inside, failure)), (levels, root)));
                }
            };
            let whole = format!("{}{name}", level.inside);
            if !can_be_named(&name) {
                let failure = Failure::refused(UNNAMED);
                return Some((Err((whole, failure)), (levels, root)));
            }
            if !name.ends_with('/') {
                return Some((Ok(whole), (levels, root)));
            }
            let names = Names::of(&format!("{root}{whole}"));
            levels.push(Level { inside: whole, names });
        }
    })
}

struct Level {
    /// Where it is below the first folder, with a slash at its end.
    inside: String,
    names: Names,
}

/// A path with a name of the source in it, encoded. A source whose names lead out of their folder is not followed.
pub fn path_of(path: &str) -> Result<String, Failure> {
    if can_be_named(path) { Ok(encoded(path)) } else { Err(Failure::refused(UNNAMED)) }
}

const UNNAMED: &str = "no request can name it";

/// On their way to a server these parts of a path are taken for something else.
fn can_be_named(name: &str) -> bool {
    name.strip_suffix('/').unwrap_or(name).split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(numbers: std::ops::Range<usize>) -> VecDeque<String> {
        numbers.map(|number| format!("{number:05}")).collect()
    }

    #[test]
    fn a_page_that_is_full_may_have_a_next_one() {
        let mut listed = Names::of("a/");
        listed.take(names(0..PAGE));
        assert_eq!((listed.ended, listed.after.as_deref()), (false, Some("00999")));
        listed.take(names(PAGE..PAGE + 5));
        assert_eq!((listed.ended, listed.names.len()), (true, 5));
    }

    #[test]
    fn a_server_without_pages_is_heard_once() {
        let mut listed = Names::of("a/");
        listed.take(names(0..PAGE));
        listed.names.clear();
        listed.take(names(0..PAGE));
        assert_eq!((listed.ended, listed.names.len()), (true, 0), "the same again");
        let mut listed = Names::of("a/");
        listed.take(names(0..3 * PAGE));
        assert_eq!((listed.ended, listed.names.len()), (true, 3 * PAGE));
    }

    #[test]
    fn names_survive_a_path() {
        assert_eq!(encoded("a/b c?d%41#é.txt"), "a/b%20c%3Fd%2541%23%C3%A9.txt");
        assert!(can_be_named("a.") && can_be_named("..."));
        assert!(!["", "/", ".", "./", "../", "a/../b", "../../userpass/users/a", "a//b"].into_iter().any(can_be_named));
        assert!(path_of("auth/userpass/users/../../sys/a").is_err());
        assert_eq!(path_of("sys/policies/acl/a b").unwrap(), "sys/policies/acl/a%20b");
    }
}
