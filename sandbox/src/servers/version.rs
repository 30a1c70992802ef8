//! Versions as servers print them.

use std::fmt;

/// A version: major, minor, patch; what a server does not print counts as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl Version {
    /// A version from its numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Finds the version in what `<program> --version` printed: the first word that is a number, with or without a `v`.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
        let words = printed.split_whitespace();
        let word = words
            .map(|word| word.trim_start_matches('v'))
            .find(is_number)?;
        let mut numbers = word.split('.').map_while(leading_number);
        Some(Self::new(
            numbers.next()?,
            numbers.next().unwrap_or(0),
            numbers.next().unwrap_or(0),
        ))
    }
}

/// `16beta1` is 16.
fn leading_number(part: &str) -> Option<u32> {
    let end = part
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(part.len());
    part[..end].parse().ok()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 {
            write!(f, ".{}", self.patch)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_are_read_as_the_servers_print_them() {
        let cases = [
            ("nats-server: v2.15.1\n", Some(Version::new(2, 15, 1))),
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                Some(Version::new(15, 18, 0)),
            ),
            ("postgres (PostgreSQL) 18.4", Some(Version::new(18, 4, 0))),
            (
                "postgres (PostgreSQL) 19beta2",
                Some(Version::new(19, 0, 0)),
            ),
            ("nats-server: v2.16.0-RC.1", Some(Version::new(2, 16, 0))),
            ("command not found", None),
            ("", None),
        ];
        for (printed, expected) in cases {
            assert_eq!(Version::parse(printed), expected, "{printed:?}");
        }
    }

    #[test]
    fn versions_are_compared_by_number_and_not_by_text() {
        assert!(Version::new(2, 15, 0) > Version::new(2, 9, 10));
        assert!(Version::new(15, 0, 0) <= Version::new(15, 0, 0));
    }
}
