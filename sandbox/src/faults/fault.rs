//! What a fault looks like to whoever arms it, and which requests it is for.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Request;
use crate::ledger::Partner;

/// Before the partner's work (no effect happens) or after it (the effect stands).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing happened yet.
    #[default]
    Before,
    /// Everything happened already.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The request takes longer, in real milliseconds.
    Delay {
        /// Milliseconds.
        ms: u64,
        /// On which side of the effect.
        #[serde(default)]
        when: When,
    },
    /// The answer is this status, with the partner's own body for it; 502, 503 and 504 answer an edge's HTML.
    Status {
        /// HTTP status.
        status: u16,
        /// On which side of the effect.
        #[serde(default)]
        when: When,
        /// A `Retry-After` header, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// The connection is reset without an answer.
    Reset {
        /// On which side of the effect.
        #[serde(default)]
        when: When,
    },
    /// The request waits until it is released.
    Hold {
        /// On which side of the effect.
        #[serde(default)]
        when: When,
    },
    /// All access tokens given out so far expire, this request's included.
    TokenExpiry,
}

impl Fault {
    pub(super) fn when(&self) -> When {
        match self {
            Self::Delay { when, .. }
            | Self::Status { when, .. }
            | Self::Reset { when }
            | Self::Hold { when } => *when,
            Self::TokenExpiry => When::Before,
        }
    }
}

fn once() -> u64 {
    1
}

/// A fault and the requests that it is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// The partner.
    pub partner: Partner,
    /// HTTP method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Template of the path without the partner's prefix: whole segments from the left, `{}` for any one segment,
    /// `$` as the last character for "and nothing behind it": `/transfers` also covers `/transfers/{}`, `/transfers$`
    /// does not.
    pub path: String,
    /// Only requests whose body contains this text.
    #[serde(default)]
    pub contains: Option<String>,
    /// What goes wrong.
    pub fault: Fault,
    /// How often; 0 is every time, absent is once.
    #[serde(default = "once")]
    pub times: u64,
}

impl FaultSpec {
    /// A fault that strikes the next matching request.
    pub fn once(partner: Partner, method: &str, path: &str, fault: Fault) -> Self {
        Self {
            partner,
            method: Some(method.to_owned()),
            path: path.to_owned(),
            contains: None,
            fault,
            times: 1,
        }
    }

    pub(super) fn matches(&self, request: &Request<'_>) -> bool {
        self.partner == request.partner
            && self
                .method
                .as_deref()
                .is_none_or(|method| method.eq_ignore_ascii_case(request.method))
            && covers(&self.path, request.path)
            && self
                .contains
                .as_deref()
                .is_none_or(|text| contains(request.body, text.as_bytes()))
    }
}

/// Does the template cover the path?
fn covers(template: &str, path: &str) -> bool {
    let (template, exact) = template
        .strip_suffix('$')
        .map_or((template, false), |rest| (rest, true));
    let mut path = path.split('/').filter(|segment| !segment.is_empty());
    for wanted in template.split('/').filter(|segment| !segment.is_empty()) {
        match path.next() {
            Some(segment) if wanted == "{}" || wanted == segment => {}
            _ => return false,
        }
    }
    !exact || path.next().is_none()
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// An armed fault as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct FaultState {
    /// Its id, for release and wait.
    pub id: Uuid,
    /// As it was armed.
    #[serde(flatten)]
    pub spec: FaultSpec,
    /// How often it may still strike; none is without end.
    pub left: Option<u64>,
    /// How often it struck.
    pub fired: u64,
    /// How many requests wait at this hold now.
    pub waiting: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_covers_whole_segments_from_the_left() {
        assert!(covers("/transfers", "/transfers"));
        assert!(covers("/transfers", "/transfers/7"));
        assert!(!covers("/transfers", "/transfersX"));
        assert!(!covers("/transfers$", "/transfers/7"));
        assert!(covers(
            "/customers/{}/funding-sources",
            "/customers/7/funding-sources"
        ));
        assert!(!covers("/customers/{}/funding-sources", "/customers/7"));
        assert!(covers("/", "/anything/at/all"));
    }
}
