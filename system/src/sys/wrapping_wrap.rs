//! `sys/wrapping/wrap`: puts what the request brings into a wrapping token.

use sdk::{Ctx, Failure, Input, Map, Path, Reply, Result, Value, Verb, View};

#[derive(Input)]
struct Anything {
    #[field(rest)]
    fields: Map<String, Value>,
}

pub fn path() -> Path {
    let help = "Wraps what the request brings.";
    let description =
        "Answers the body's fields; with X-Vault-Wrap-TTL, which it needs, they are in the wrapping token.";
    Path::new("wrapping/wrap").ids([(Verb::Write, "wrap")]).help(help, description).view(Verb::Write, wrap)
}

fn wrap(ctx: &Ctx, input: Anything, _: &View) -> Result<Reply<Map<String, Value>>> {
    if !ctx.wraps {
        return Err(Failure::invalid("endpoint requires response wrapping to be used: give X-Vault-Wrap-TTL"));
    }
    Reply::data(input.fields)
}
