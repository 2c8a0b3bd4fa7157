//! Others' words, made harmless: what processes and files call themselves must not steer the
//! terminal that shows it.

use std::fmt::Write;

/// `text` on one line, with a `?` for whatever a terminal would obey.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(is_obeyed, "?")
}

/// The JSON in `json`, with whatever a terminal would obey as an escape sequence of JSON.
pub(crate) fn harmless_json(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_obeyed(c) {
            // All of these are in the basic plane, and in strings.
            let _ = write!(harmless, "\\u{:04x}", u32::from(c));
        } else {
            harmless.push(c);
        }
    }
    harmless
}

/// Control characters, and what changes the direction or the breaks of lines.
fn is_obeyed(c: char) -> bool {
    let steers = matches!(c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}');
    steers || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let wild = "a\u{1b}[2J\u{9b}1m\u{7f}\n\u{202e}\u{e4}";
        assert_eq!(harmless(wild), "a?[2J?1m???\u{e4}");
        let json = harmless_json(&serde_json::to_string_pretty(&[wild]).unwrap_or_default());
        assert!(!json.contains(['\u{1b}', '\u{9b}', '\u{7f}', '\u{202e}']));
        let read: Vec<String> = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(read, [wild]);
    }
}
