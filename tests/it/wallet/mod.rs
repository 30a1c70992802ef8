//! The wallet service's flows, one file for each topic.

mod transaction_create;
