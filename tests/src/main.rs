//! The fleet's binary, for the tests that start and kill real processes.

fn main() -> std::process::ExitCode {
    workers::cli::main()
}
