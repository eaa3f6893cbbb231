//! The program under test: a file of settings for what is wrong with it, then the server's own arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let Some(settings) = arguments.next() else {
        eprintln!("usage: holdfast-under-test SETTINGS server -config=FILE");
        return ExitCode::FAILURE;
    };
    if let Err(problem) = holdfast::under_test::begin(&PathBuf::from(settings)) {
        eprintln!("{problem}");
        return ExitCode::FAILURE;
    }
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("another provider of cryptography was installed first");
        return ExitCode::FAILURE;
    }
    holdfast::cli::run([program].into_iter().chain(arguments))
}
