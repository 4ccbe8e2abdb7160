//! Leaving: once by accident, and once for good.

use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use protocol::operation::Operation;
use serde_json::json;

use crate::failure::Closed;
use crate::player::{Away, Player};
use crate::walk::teller::Teller;
use crate::walk::{OrSurprise, Stumble, expect, surprise};

pub(super) fn fall(player: Player, teller: &Teller) -> Away {
    teller.step("The network fails: the TCP connection is cut, without a word.");
    player.drop_hard()
}

pub(super) async fn come_back(away: Away, teller: &Teller) -> Result<Player, Stumble> {
    teller.step("It comes back on a new socket and asks to go on where it was.");
    let mut player = away.reconnect().await.or_surprise("a second socket")?;
    let was = player.session();
    let reply = player.resume().await.or_surprise("an open session")?;
    let told = match (reply.resumed, reply.resume_failed) {
        (true, None) => {
            expect(Some(reply.session) == was, format!("session {was:?}"), reply.session)?;
            "Resumed: the session goes on, and nothing was missed.".to_owned()
        }
        (false, Some(why)) => format!("Not resumed: {}.", why.word()),
        (resumed, why) => {
            let came = format!("resumed: {resumed}, resume_failed: {why:?}");
            return Err(surprise("resumed: true, or false and why", came));
        }
    };
    teller.remark(&told);
    player.ping(None).await.or_surprise("an answer on the second socket")?;
    Ok(player)
}

pub(super) async fn log_out(player: &mut Player, teller: &Teller) -> Result<(), Stumble> {
    teller.step("It logs out, and the server closes the socket.");
    let reply = player.log_out().await.or_surprise("an answer to auth.logout")?;
    expect(reply.ended == 1, "one login ended", reply.ended)?;
    let code = CloseCode::LoggedOut;
    let due = Closed { code: code.number(), reason: code.word().to_owned() };
    let closed = player.socket().closed().await.or_surprise(&format!("a close with {due}"))?;
    expect(closed == due, format!("a close with {due}"), closed)
}

pub(super) async fn knock_with_the_old_token(
    player: &Player,
    teller: &Teller,
) -> Result<(), Stumble> {
    teller.step("The access token would have been good for a while: over HTTP it is refused now.");
    let operation = Operation::MemberMe.name();
    let answer =
        player.visitor().http().ask(operation, Some(player.access_token()), json!({})).await;
    let due = ErrorCode::AuthLoggedOut;
    match answer {
        Err(failure) if failure.code() == Some(due) => Ok(()),
        Err(failure) => Err(surprise(format!("{due} with HTTP {}", due.http_status()), failure)),
        Ok(body) => Err(surprise(format!("{due} with HTTP {}", due.http_status()), body)),
    }
}
