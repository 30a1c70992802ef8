//! Doc comments as running text, and durations as people write them.

use std::time::Duration;

/// The lines of a doc comment as one paragraph.
pub(super) fn paragraph(doc: &str) -> String {
    let words: Vec<&str> = doc.split_whitespace().collect();
    prose(&words.join(" "))
}

/// The paragraph's first sentence, without its full stop.
pub(super) fn first_sentence(doc: &str) -> String {
    let paragraph = paragraph(doc);
    let sentence = paragraph
        .split_once(". ")
        .map_or(paragraph.as_str(), |(first, _)| first);
    sentence.trim_end_matches('.').to_owned()
}

/// Rust's links between items mean nothing outside of Rust's own documents.
pub(super) fn prose(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`")
}

/// `5 s`, `30 min`, `24 h`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_becomes_a_summary_and_a_paragraph() {
        let doc = " Pays a [`Reservation`]: moves\n its money. Once.\n";
        assert_eq!(
            paragraph(doc),
            "Pays a `Reservation`: moves its money. Once."
        );
        assert_eq!(first_sentence(doc), "Pays a `Reservation`: moves its money");
    }

    #[test]
    fn durations_use_the_largest_unit_that_is_whole() {
        for (seconds, text) in [(5, "5 s"), (90, "90 s"), (1800, "30 min"), (86400, "24 h")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration(Duration::from_millis(200)), "200 ms");
    }
}
