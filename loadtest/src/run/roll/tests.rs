use super::*;

#[tokio::test(start_paused = true)]
async fn everyone_is_in_one_place() {
    let roll = Roll::default();
    let member = |number| MemberId::from_number(number).unwrap();
    for number in 0..4 {
        roll.coming(number);
    }
    assert!(roll.came_in(0, member(1)) && roll.came_in(1, member(2)));
    assert!(!roll.came_in(2, member(2)));
    roll.lost(0, 1006);
    roll.lost(1, 4000);
    roll.back(0, None);
    roll.gone(3, true);
    assert_eq!(roll.places(), Places { open: 2, away: 1, gone: 1, ..Places::default() });
    assert_eq!(roll.losses(), [("1006".into(), 1), ("4000".into(), 1)].into());
    assert!(!roll.nobody_there() && !roll.places().settled());
    for number in 0..3 {
        roll.gone(number, false);
    }
    assert!(roll.nobody_there() && roll.places().settled());
}

#[tokio::test(start_paused = true)]
async fn the_last_return_counts_and_the_slowest_is_the_hundredth() {
    let (roll, start) = (Roll::default(), Instant::now());
    for number in [7, 1, 2, 3, 7] {
        tokio::time::advance(Duration::from_secs(1)).await;
        roll.back(number, (number == 7).then_some("not_kept"));
    }
    let returns = roll.returns();
    let after = |all, percent| back_after(&returns, start, all, percent);
    assert_eq!(after(4, 50), Some(Duration::from_secs(3)));
    assert_eq!(after(4, 90), Some(Duration::from_secs(5)));
    assert_eq!(after(4, 100), Some(Duration::from_secs(5)));
    assert_eq!(after(5, 100), None);
    assert_eq!(returns[3].not_resumed, Some("not_kept"));
}
