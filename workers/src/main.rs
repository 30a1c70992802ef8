//! The one binary of the fleet: `tranche <role>`.

fn main() -> std::process::ExitCode {
    workers::cli::main()
}
