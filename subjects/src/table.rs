//! The macro that turns the table in [`crate::registry`] into types and data.
//!
//! A row expands to an implementation of [`Command`](crate::spec::Command) or
//! [`Question`](crate::spec::Question) for its payload type, an entry in `TOPICS` or `QUERIES`, and
//! an entry in `for_each_command!` or `for_each_question!`, with which the workers' router is made:
//! a row without a handler does not compile there. For example
//!
//! ```text
//! topic wallet_sync: wallet::WalletSync => wallet::WalletState { entity: |p| …, key: |p| …, … }
//! ```
//!
//! gives `impl Command for wallet::WalletSync { type Completed = wallet::WalletState; … }`.
//!
//! The table is Rust and not a data file so that payload types and their fields are checked names;
//! it is not attributes on structs because then there would be no table to read.

macro_rules! registry {
    (
        ($d:tt)
        $(
            $(#[doc = $sdoc:literal])*
            service $service:ident {
                $(
                    $(#[doc = $tdoc:literal])*
                    topic $topic:ident: $payload:path => $completed:path {
                        http: $thttp:expr,
                        entity: |$e:pat_param| $entity:expr,
                        key: |$k:pat_param| $key:expr,
                        retry: $retry:expr,
                        timeout: $timeout:expr,
                        patience: $patience:expr,
                        concurrency: $concurrency:expr,
                        reply_within: $reply:expr,
                        effect: $effect:expr,
                        pii: $pii:expr,
                    }
                )*
                queries {
                    $(
                        $(#[doc = $qdoc:literal])*
                        query $query:ident: $ask:path => $answer:path {
                            http: $qhttp:expr,
                            timeout: $qtimeout:expr,
                        }
                    )*
                }
            }
        )*
    ) => {
        $($(
            impl $crate::spec::Command for $payload {
                type Completed = $completed;
                const TOPIC: &'static $crate::spec::Topic = {
                    static TOPIC: $crate::spec::Topic = $crate::spec::Topic {
                        service: stringify!($service),
                        name: stringify!($topic),
                        doc: concat!($($tdoc, "\n"),*),
                        http: $thttp,
                        retry: $retry,
                        timeout: $timeout,
                        patience: $patience,
                        concurrency: $concurrency,
                        reply_within: $reply,
                        pii: $pii,
                        effect: $effect,
                        payload: stringify!($payload),
                        completed: stringify!($completed),
                        payload_schema: || schemars::schema_for!($payload),
                        completed_schema: || schemars::schema_for!($completed),
                        prepare: $crate::spec::prepare_command::<$payload>,
                    };
                    const _: () = $crate::spec::check(&TOPIC);
                    &TOPIC
                };
                fn entity(&self) -> Option<String> { let $e = self; $entity }
                fn natural_key(&self) -> Option<String> { let $k = self; $key }
            }
        )*
        $(
            impl $crate::spec::Question for $ask {
                type Answer = $answer;
                const QUERY: &'static $crate::spec::Query = {
                    static QUERY: $crate::spec::Query = $crate::spec::Query {
                        service: stringify!($service),
                        name: stringify!($query),
                        doc: concat!($($qdoc, "\n"),*),
                        http: $qhttp,
                        timeout: $qtimeout,
                        ask: stringify!($ask),
                        answer: stringify!($answer),
                        ask_schema: || schemars::schema_for!($ask),
                        answer_schema: || schemars::schema_for!($answer),
                        prepare: $crate::spec::prepare_question::<$ask>,
                    };
                    &QUERY
                };
            }
        )*)*

        /// Every topic, in the table's order.
        pub static TOPICS: &[&$crate::spec::Topic] =
            &[$($(<$payload as $crate::spec::Command>::TOPIC,)*)*];

        /// Every query, in the table's order.
        pub static QUERIES: &[&$crate::spec::Query] =
            &[$($(<$ask as $crate::spec::Question>::QUERY,)*)*];

        /// Every service with what it is for, in the table's order.
        pub static SERVICES: &[(&str, &str)] =
            &[$((stringify!($service), concat!($($sdoc, "\n"),*)),)*];

        /// Hands every command type to a macro, for the workers' router.
        #[macro_export]
        macro_rules! for_each_command {
            ($d callback:ident) => { $d callback! { $($($payload,)*)* } };
        }

        /// Hands every question type to a macro, for the workers' router.
        #[macro_export]
        macro_rules! for_each_question {
            ($d callback:ident) => { $d callback! { $($($ask,)*)* } };
        }
    };
}

pub(crate) use registry;
