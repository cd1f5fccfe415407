//! JSON with `//` comments, and where in it a fault is.

/// Returns the text with spaces in place of comments: all else stays at its line and column.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut is_string = false;
    while let Some(character) = characters.next() {
        match character {
            '"' => is_string = !is_string,
            '\\' if is_string => {
                out.push(character);
                out.extend(characters.next());
                continue;
            }
            '/' if !is_string && characters.peek() == Some(&'/') => {
                out.push(' ');
                while let Some(comment) = characters.next_if(|next| *next != '\n') {
                    out.extend(std::iter::repeat_n(' ', comment.len_utf8()));
                }
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

/// Returns the line and the column of a byte, both counted from 1; columns count characters.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_spaces_and_texts_stay() {
        let text = "[ // é\n \"a//b\\\"//\", 1 ]//";
        assert_eq!(without_comments(text), "[      \n \"a//b\\\"//\", 1 ]  ");
        assert_eq!(without_comments(text).len(), text.len());
        assert_eq!(without_comments("1 / 2"), "1 / 2");
    }

    #[test]
    fn a_place_is_counted_from_one() {
        assert_eq!(place("[\n  é}", 0), (1, 1));
        assert_eq!(place("[\n  é}", 6), (2, 4));
        assert_eq!(place("[", 99), (1, 2));
    }
}
