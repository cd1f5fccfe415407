//! `nest-wire demo`: the tutorial's two services, played by real Node and by Rust in turn.
//!
//! Every packet that is shown is also checked: the demo fails if one byte is not as the tutorial has it.

mod error;
mod http;
mod node_side;
mod packets;
mod pairing;
mod screen;
mod services;
mod toolbox;

pub(super) use error::DemoError;
pub(super) use services::DemoService;

use packets::Packet;
use pairing::{PATH, Pairing, Player, Seen};
use screen::Screen;
use toolbox::Toolbox;

use crate::{failure::Failure, signals};

/// Which Nest is shown.
const MAJOR: u8 = 12;

/// Shows all of it, or as much as there is time for before a signal.
pub(super) async fn run() -> Result<(), Failure> {
    // Whichever ends first, the other one is dropped, and with the demo all its processes.
    tokio::select! {
        signal = signals::first() => Err(Failure::stopped(signal, "no process is left running")),
        shown = show(Screen::new()) => shown,
    }
}

async fn show(mut screen: Screen) -> Result<(), Failure> {
    let screen = &mut screen;
    screen.title("A NestJS tutorial's two services, and Rust in their place")?;
    screen.line("")?;
    let tools = toolbox::prepare(screen).await?;
    screen.line("")?;
    screen.line(format_args!("A browser asks main for {PATH}; main asks user over TCP."))?;
    screen.line("A packet is length#json; the length counts UTF-16 units: 求 is 1 unit, 3 bytes.")?;
    match tools.has_node() {
        true => with_node(screen, &tools).await,
        false => without_node(screen, &tools).await,
    }
}

async fn with_node(screen: &mut Screen, tools: &Toolbox) -> Result<(), Failure> {
    use Player::{Node, Rust};
    for (number, main, user) in [(1, Node, Rust), (2, Rust, Node)] {
        let seen = play(screen, tools, number, Pairing { main, user }).await?;
        show_packets(screen, &seen)?;
        seen.check()?;
    }
    let original = Pairing { main: Node, user: Node };
    play(screen, tools, 3, original).await?.check()?;
    screen.result("the packets", "are the same, byte for byte but for the random id")?;
    Ok(())
}

async fn without_node(screen: &mut Screen, tools: &Toolbox) -> Result<(), Failure> {
    let (main, user) = (Player::Rust, Player::Rust);
    let seen = play(screen, tools, 1, Pairing { main, user }).await?;
    show_packets(screen, &seen)?;
    seen.check()?;
    screen.line("")?;
    screen.line("The packets are those of the tutorial, byte for byte but for the random id.")?;
    screen.line("With Node.js 20 or later and npm, the demo puts real NestJS on either side.")?;
    Ok(())
}

/// Plays one pairing, and gives what there was to see. Its processes are gone then.
async fn play(screen: &mut Screen, tools: &Toolbox, number: u8, pairing: Pairing) -> Result<Seen, Failure> {
    let Pairing { main, user } = pairing;
    screen.line("")?;
    screen.title(format_args!("{number}. {main} main, {user} user"))?;
    screen.line("")?;
    let user = pairing.user(tools).await?;
    screen.field("user", format_args!("listens on {}", user.address()))?;
    let services = pairing.main(tools, user).await?;
    screen.field("main", format_args!("listens on {}", services.main.address()))?;
    Ok(services.ask().await?)
}

fn show_packets(screen: &mut Screen, seen: &Seen) -> Result<(), Failure> {
    screen.line("")?;
    for packet in &seen.packets {
        screen.packet(packet, packet.kind()?)?;
    }
    screen.line("")?;
    let (response, printed) = (&seen.response, &seen.printed);
    screen.result("main answers", format_args!("{}: {}", response.status, response.body))?;
    screen.result("user prints", printed)?;
    Ok(())
}
