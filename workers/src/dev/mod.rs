//! Development: private servers, the partners' sandbox, the demo. Absent from production builds.

pub mod checkout;
pub mod demo;
pub mod kill_at;
pub mod parent;
pub mod run;
pub mod stack;
