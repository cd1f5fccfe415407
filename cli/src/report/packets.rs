//! The list of packets, a row each.

use std::io::{self, Write};

use super::{
    escaped::Html,
    row::{Class, Row},
};
use crate::{plural::counted, traffic::entry::Entry};

/// Maximum size of all texts together. A browser opens a page of this size, and it fits into memory.
const MAX_ALL_BYTES: usize = 48 * 1024 * 1024;
/// Number of rows that a browser lays out at once, when they come into sight.
const CHUNK: usize = 200;

/// The packets from the beginning of the traffic, and a count of the others.
#[derive(Debug)]
pub(super) struct Packets {
    rows: Vec<Row>,
    max_rows: usize,
    /// Size of all texts, in bytes.
    bytes: usize,
    /// Number of packets that are not listed.
    more: u64,
    /// Number of errors and broken frames among those.
    more_errors: u64,
}

impl Packets {
    pub(super) const fn new(max_rows: usize) -> Self {
        Self {
            rows: Vec::new(),
            max_rows,
            bytes: 0,
            more: 0,
            more_errors: 0,
        }
    }

    /// Adds an entry, and the row of its request if it is a reply. Returns the number of its own row,
    /// counted from 1, if it is listed.
    pub(super) fn add(&mut self, entry: &Entry, request: Option<u32>) -> Option<u32> {
        let row = Row::of(entry, request)?;
        if self.rows.len() >= self.max_rows || self.bytes >= MAX_ALL_BYTES {
            self.more += 1;
            self.more_errors += u64::from(row.class == Class::Error);
            return None;
        }
        self.bytes += row.bytes();
        self.rows.push(row);
        u32::try_from(self.rows.len()).ok()
    }

    /// Marks requests that were never answered.
    pub(super) fn mark_unanswered(&mut self, rows: &[u32]) {
        for row in rows {
            if let Some(row) = self.rows.get_mut(*row as usize - 1) {
                row.class = Class::Unanswered;
            }
        }
    }

    pub(super) fn write(&self, html: &mut Html<impl Write>) -> io::Result<()> {
        html.markup(
            "<table class=packets><thead><tr><th>#<th>time<th>on<th>kind<th>pattern<th>header<th>after<th>content</thead>\n",
        )?;
        let mut number = 0_u32;
        for rows in self.rows.chunks(CHUNK) {
            html.markup("<tbody>\n")?;
            for row in rows {
                number += 1;
                row.write(html, number)?;
            }
            html.markup("</tbody>\n")?;
        }
        html.markup("</table>\n")?;
        if self.more > 0 {
            html.markup("<p class=note id=more>… and ")?
                .text(&counted(self.more, "more packet"))?
                .markup(", ")?
                .text(&counted(self.more_errors, "error"))?
                .markup(" among them: <code>nest-wire inspect</code> shows all.</p>\n")?;
        }
        Ok(())
    }
}
