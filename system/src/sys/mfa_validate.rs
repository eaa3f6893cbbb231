//! `sys/mfa/validate`: the second factor of a login that waits for it.

use std::collections::BTreeMap;

use sdk::{
    Answer, Ctx, Failure, FromField, Input, Map, Outcome, Path, Result, SecondFactor, StringList, Txn, Value, Verb,
};

#[derive(Input)]
struct Given {
    /// The id that the login was answered with.
    mfa_request_id: String,
    /// For each method, by its id: a list with the code, or an empty one where the method uses none.
    mfa_payload: Map<String, Value>,
}

pub fn path() -> Path {
    Path::new("mfa/validate")
        .ids([(Verb::Write, "mfa-validate")])
        .open()
        .help(
            "Brings the second factor of a login.",
            "Answers the token that the login has earned. A login waits for five minutes; any node takes its second factor. Where a \
             method asks by itself, the answer waits for the one who is asked.",
        )
        .answers(Verb::Write, Outcome::auth())
        .txn(Verb::Write, |_: &Ctx, given: Given, _: &mut Txn| -> Result<Answer> {
            if given.mfa_request_id.is_empty() {
                return Err(Failure::invalid("missing request ID"));
            }
            let wrong = |_| Failure::invalid("invalid mfa payload: each method has a list of texts");
            let of_method = |(method, value): (String, Value)| Ok((method, StringList::from_field(&value)?.0));
            let factors = given.mfa_payload.into_iter().map(of_method).collect::<Result<BTreeMap<_, _>, String>>();
            let factors = factors.map_err(wrong)?;
            Ok(Answer::second_factor(SecondFactor { id: given.mfa_request_id, factors }))
        })
}
