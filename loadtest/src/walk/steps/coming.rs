//! Coming in: from the first question to an open session.

use std::time::Instant;

use crate::failure::Failure;
use crate::player::{Player, Visitor};
use crate::walk::teller::Teller;
use crate::walk::{OrSurprise, Stumble, expect, surprise};

pub(super) async fn ask_for_service(visitor: Visitor, teller: &Teller) -> Result<Visitor, Stumble> {
    teller.step("Before anything else the player asks, over HTTP, whether the game is in service.");
    let status = visitor.status().await.map_err(|failure| match failure {
        Failure::Unreachable { address, why } => Stumble::NobodyThere { server: address, why },
        other => surprise("the answer to launch.status", other),
    })?;
    let in_service = status.word.number();
    expect(status.status == in_service, format!("status {in_service}"), status.status)?;
    let address = &status.server_address;
    expect(address.starts_with("ws"), "the websocket's address in server_address", address)?;
    teller.remark(&format!(
        "The game is {} ({in_service}), at {address}.",
        status.word.word().replace('_', " ")
    ));
    Ok(visitor.with_sockets_at(address))
}

pub(super) async fn log_in(visitor: &Visitor, teller: &Teller) -> Result<Player, Stumble> {
    teller.step(
        "It connects there and logs in as a guest, on the socket itself: no session is open yet.",
    );
    let player = visitor.log_in().await.or_surprise("a socket, and a guest's login on it")?;
    let login = player.login();
    expect(login.new_member, "a member made by this login", "one who was here before")?;
    expect(login.credential.is_some(), "the credential a new guest must keep", "none")?;
    teller.remark(&format!(
        "Welcome, member {}. The guest's secret is shown this once.",
        login.member.id
    ));
    Ok(player)
}

pub(super) async fn open(player: &mut Player, teller: &Teller) -> Result<(), Stumble> {
    teller.step("With the access token in the first frame of its own, the session opens.");
    let reply = player.open().await.or_surprise("an open session")?;
    let member = player.login().member.id;
    expect(reply.member == member, format!("member {member}"), reply.member)?;
    expect(!reply.resumed, "a new session", "one that goes on")?;
    expect(reply.heartbeat_s > 0, "a heartbeat of some seconds", reply.heartbeat_s)?;
    teller.remark(&format!(
        "Session {}; the server pings every {} s.",
        reply.session, reply.heartbeat_s
    ));
    Ok(())
}

pub(super) async fn ping(player: &mut Player, teller: &Teller) -> Result<(), Stumble> {
    teller.step("The player measures the way there and back.");
    let start = Instant::now();
    let reply = player.ping(Some(4.5)).await.or_surprise("an answer to session.ping")?;
    let micros = start.elapsed().as_micros();
    expect(reply.t == Some(4.5), "4.5 echoed", format!("{:?}", reply.t))?;
    teller
        .remark(&format!("There and back in {micros} µs; the server's clock says {}.", reply.time));
    Ok(())
}
