//! The first screen of `--help`: what a person wants to do leads to the commands that do it.

use clap::{Command, builder::Styles};

/// What a person wants to do, and the commands for it.
const GOALS: [(&str, &[&str]); 5] = [
    ("See what two services say to each other:", &["tap"]),
    ("Pin it in CI:", &["record", "replay"]),
    ("Read a capture or a recording:", &["inspect", "report"]),
    ("Call a service:", &["send", "emit", "check", "route"]),
    ("More:", &["demo", "completions", "man"]),
];

/// Returns the command with its subcommands listed by goal. Clap has one heading for all of them.
pub(crate) fn by_goal(command: Command) -> Command {
    let mut template = String::from("{about-with-newline}\n{usage-heading} {usage}\n\n");
    let heading = Styles::styled().get_header().to_owned();
    let name = Styles::styled().get_literal().to_owned();
    for (goal, commands) in sections(&command) {
        template += &format!("{heading}{goal}{heading:#}\n");
        for subcommand in commands {
            let about = subcommand.get_about().cloned().unwrap_or_default();
            template += &format!("  {name}{:<12}{name:#} {about}\n", subcommand.get_name());
        }
        template.push('\n');
    }
    template += &format!("{heading}Options:{heading:#}\n{{options}}{{after-help}}");
    command.help_template(template)
}

/// Returns the goals with their commands. A command without a goal is among the last ones.
fn sections(command: &Command) -> Vec<(&'static str, Vec<&Command>)> {
    let mut sections: Vec<_> = GOALS
        .iter()
        .map(|(goal, names)| {
            let commands = names.iter().filter_map(|name| command.find_subcommand(name));
            (*goal, commands.collect::<Vec<_>>())
        })
        .collect();
    let has_goal = |name| GOALS.iter().any(|(_, names)| names.contains(&name));
    if let Some((_, last)) = sections.last_mut() {
        let others = command.get_subcommands();
        last.extend(others.filter(|other| !other.is_hide_set() && !has_goal(other.get_name())));
    }
    sections
}
