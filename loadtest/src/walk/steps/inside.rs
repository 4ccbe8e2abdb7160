//! Inside: what a player with an open session does.

use crate::player::Player;
use crate::walk::teller::Teller;
use crate::walk::{OrSurprise, Stumble, expect};

pub(super) async fn look_around(player: &mut Player, teller: &Teller) -> Result<(), Stumble> {
    teller.step("It asks who it is.");
    let me = player.me().await.or_surprise("an answer to member.me")?;
    let member = player.login().member.id;
    expect(me.member.id == member, format!("member {member}"), me.member.id)?;

    teller.step("It asks by what it can log in.");
    let identities =
        player.identities().await.or_surprise("an answer to identity.list")?.identities;
    let guest = matches!(identities.as_slice(), [one] if one.provider == "guest");
    expect(guest, "one identity, guest", format!("{identities:?}"))?;
    expect(identities == me.identities, format!("{:?}", me.identities), format!("{identities:?}"))?;

    teller.step("It asks where it is logged in.");
    let logins = player.logins().await.or_surprise("an answer to session.list")?.logins;
    let this_one = matches!(logins.as_slice(), [one] if one.current && !one.replaced);
    expect(this_one, "one login, the one that asks", format!("{logins:?}"))
}

pub(super) async fn refresh(player: &mut Player, teller: &Teller) -> Result<(), Stumble> {
    teller.step("Before the access token expires it exchanges the refresh token for new ones.");
    let old = player.login().tokens.clone();
    let new = player.refresh().await.or_surprise("new tokens")?;
    expect(new.access_token != old.access_token, "a newer access token", "the old one again")?;
    expect(new.refresh_token != old.refresh_token, "a newer refresh token", "the old one again")?;

    teller.step("It tells the open session the newer access token, so that it stays open.");
    let renewed = player.renew().await.or_surprise("a session that is good for longer")?;
    expect(renewed.access_expires_s > 0, "some seconds more", renewed.access_expires_s)?;
    teller.remark(&format!("The session is good for {} s more.", renewed.access_expires_s));
    Ok(())
}
