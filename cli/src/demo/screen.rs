//! What the demo looks like: narrow lines, colours where there is a terminal that wants them.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    pin::pin,
    time::Duration,
};

use anstream::AutoStream;
use anstyle::{AnsiColor, Color, Style};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::timeout;

use super::{Packet, packets::Kind};
use nest_wire::recording::Side;

/// Who waits no longer than this need not be told for what.
const AT_ONCE: Duration = Duration::from_millis(500);

const TITLE: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = coloured(AnsiColor::Green);
const HEADER: Style = coloured(AnsiColor::Yellow);
const CALLER: Style = coloured(AnsiColor::Cyan);
const SERVICE: Style = coloured(AnsiColor::Magenta);

const fn coloured(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

/// Standard output, and a spinner on standard error.
pub(super) struct Screen<W: Write = AutoStream<io::Stdout>>(W);

impl Screen {
    /// Drops the colours if standard output is no terminal or `NO_COLOR` is set.
    pub(super) fn new() -> Self {
        Self(anstream::stdout())
    }
}

impl<W: Write> Screen<W> {
    pub(super) fn title(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.0, "{TITLE}{text}{TITLE:#}")
    }

    pub(super) fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.0, "{text}")
    }

    /// A name and what there is to say of it.
    pub(super) fn field(&mut self, name: &str, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.0, "  {FAINT}{name:<12}{FAINT:#}  {text}")
    }

    /// As [`field`](Self::field), for what came out as it should.
    pub(super) fn result(&mut self, name: &str, text: impl fmt::Display) -> io::Result<()> {
        self.field(name, format_args!("{GOOD}{text}{GOOD:#}"))
    }

    /// A packet as it was sent, and below it what it is.
    pub(super) fn packet(&mut self, packet: &Packet, kind: Kind) -> io::Result<()> {
        let Packet { from, header, text } = packet;
        let (style, way) = match from {
            Side::Caller => (CALLER, "main -> user"),
            Side::Service => (SERVICE, "user -> main"),
        };
        writeln!(self.0, "  {style}{way}{style:#}  {HEADER}{header}{HEADER:#}{text}")?;
        let (units, bytes) = (header.trim_end_matches('#'), text.len());
        writeln!(
            self.0,
            "  {:12}  {FAINT}{kind}: {units} units, {bytes} bytes{FAINT:#}",
            ""
        )
    }

    /// Tells that there is work under way until `work` is done, unless it is at once: with a spinner, or in a line.
    pub(super) async fn working<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Ok(done) = timeout(AT_ONCE, &mut work).await {
            return done;
        }
        if !io::stderr().is_terminal() {
            // No more than a comfort: a standard error that can't be written stops nothing.
            let _ = writeln!(io::stderr(), "{what} ...");
            return work.await;
        }
        // Clears its line when it is dropped, that is also when the demo is stopped.
        let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed:.dim}") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(100));
        let done = work.await;
        spinner.finish_and_clear();
        done
    }
}

#[cfg(test)]
mod tests {
    use anstream::StripStream;

    use super::*;

    fn drawn(draw: impl FnOnce(&mut Screen<StripStream<Vec<u8>>>) -> io::Result<()>) -> String {
        let mut screen = Screen(StripStream::new(Vec::new()));
        draw(&mut screen).expect("memory can be written to");
        String::from_utf8(screen.0.into_inner()).expect("text")
    }

    #[test]
    fn a_packet_stands_as_it_was_sent_and_says_its_lengths() {
        let packet = Packet {
            from: Side::Caller,
            header: "29#".to_owned(),
            text: r#"{"pattern":"log","data":"求和"}"#.to_owned(),
        };
        let expected = concat!(
            "  main -> user  29#{\"pattern\":\"log\",\"data\":\"求和\"}\n",
            "                event, which nobody answers: 29 units, 33 bytes\n",
        );
        assert_eq!(drawn(|screen| screen.packet(&packet, Kind::Event)), expected);
    }

    #[test]
    fn fields_are_aligned_with_the_packets() {
        assert_eq!(drawn(|screen| screen.result("main answers", 6)), "  main answers  6\n");
    }
}
