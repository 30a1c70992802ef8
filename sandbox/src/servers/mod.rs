//! Private NATS and PostgreSQL servers: for development, tests, the demo and the benchmarks, all through this one code.
//!
//! Responsible for finding or fetching the programs ([`Tools`]), starting them with the settings that the fleet relies on
//! ([`NatsServer`], [`Postgres`]), and ending them whatever happens to the process that started them. Not responsible for
//! what is in them: streams and tables belong to the fleet. Two alternatives lost. Containers need a daemon that many
//! machines and most CI jobs do not have, take longer to start than all of this, and still leave killed runs behind. An
//! in-process imitation would be faster, but the faults that matter (a kill between write and acknowledgement, a restart
//! that loses what was not synced) exist only in the real servers.
//!
//! Every server has its own port, its own folder and its own guardian process, so any number run side by side, in one
//! process or many. No value is tied to a thread or an async runtime.
//!
//! ```ignore
//! let workspace = Workspace::at(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
//! let tools = Tools::obtain(&workspace, &Reporter::silent())?;
//! let nats = NatsServer::start(&tools, NatsOptions::default()).await?;
//! let postgres = Postgres::start(&tools, PostgresOptions::default()).await?;
//! postgres.create_database("fleet").await?;
//! ```

mod clients;
mod error;
mod fetch;
mod guardian;
mod missing;
mod nats;
mod ports;
mod postgres;
mod recipe;
mod report;
mod run;
mod tools;
mod version;
mod wait;
mod workspace;

pub use error::ServerError;
pub use missing::MissingTool;
pub use nats::{NatsOptions, NatsServer};
pub use postgres::{Durability, Postgres, PostgresOptions};
pub use report::Reporter;
pub use tools::Tools;
pub use version::Version;
pub use workspace::{SERVER_UID, Workspace};
