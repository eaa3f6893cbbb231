//! The cluster under fire: real server processes on this machine, a proxy in every way between two of them, faults placed
//! by one seed, clients that write down what they did and what they were told, and checkers that read it afterwards.
//!
//! It is a black box. Nothing of the server is linked in: what it does to a node it does by signals, files, the proxies
//! and the socket of commands that the build under test has.
//!
//! ```text
//!  seed ─► plan ─► run ─┬─ cluster: node, control, proxy, http
//!                       ├─ fault:   what is broken, and the proof that it was
//!                       ├─ clients: what is asked meanwhile ─► history
//!                       └─ check:   the history, the states, the logs ─► report
//! ```

pub mod check;
pub mod clients;
pub mod cluster;
pub mod control;
pub mod dice;
pub mod fault;
pub mod history;
pub mod http;
pub mod mutation;
pub mod node;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod run;
