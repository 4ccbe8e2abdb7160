//! The steps, in the order in which they are taken.

mod coming;
mod inside;
mod leaving;

use super::Stumble;
use super::teller::Teller;
use crate::player::Visitor;

/// Goes through the door and out again.
pub(super) async fn walk(visitor: Visitor, teller: &Teller) -> Result<(), Stumble> {
    let visitor = coming::ask_for_service(visitor, teller).await?;
    let mut player = coming::log_in(&visitor, teller).await?;
    coming::open(&mut player, teller).await?;
    coming::ping(&mut player, teller).await?;
    inside::look_around(&mut player, teller).await?;
    inside::refresh(&mut player, teller).await?;
    let away = leaving::fall(player, teller);
    let mut player = leaving::come_back(away, teller).await?;
    leaving::log_out(&mut player, teller).await?;
    leaving::knock_with_the_old_token(&player, teller).await
}
