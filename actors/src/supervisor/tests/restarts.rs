use super::*;

#[tokio::test(start_paused = true)]
async fn a_killed_child_comes_back_behind_the_same_peer() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let _tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    assert_eq!(yard.told().await, Up("probe"));
    let first = who(&peer).await;

    peer.get().expect("it is up").kill();

    assert_eq!(yard.told().await, Up("probe"));
    assert_ne!(who(&peer).await, first);
}

/// Sends the order that ends an incarnation and expects another one.
async fn comes_back_after(order: Order, before: &[Told]) {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let _tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    assert_eq!(yard.told().await, Up("probe"));
    let first = who(&peer).await;

    peer.cast(order).expect("it is up");

    for told in before {
        assert_eq!(yard.told().await, *told);
    }
    assert_eq!(yard.told().await, Up("probe"));
    assert_ne!(who(&peer).await, first);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_panics_comes_back() {
    comes_back_after(Order::Panic, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_child_that_fails_comes_back() {
    comes_back_after(Order::Fail, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_permanent_child_that_stops_by_itself_comes_back() {
    comes_back_after(Order::Stop, &[Down("probe")]).await;
}

#[tokio::test(start_paused = true)]
async fn siblings_of_a_dead_child_live_on() {
    let (mut yard, one, two) = (Yard::new(), Peer::new(), Peer::new());
    let _tree = grow(POLICY, vec![yard.probe("one", &one), yard.probe("two", &two)]).await;
    let second = who(&two).await;
    one.cast(Order::Fail).expect("it is up");
    for told in [Up("one"), Up("two"), Up("one")] {
        assert_eq!(yard.told().await, told);
    }
    assert_eq!(who(&two).await, second);
}

/// Lets the probe fail once it is up, and measures the time until it is up again.
async fn rest_after_failure(yard: &mut Yard, peer: &Peer<Order>) -> Duration {
    let failed = Instant::now();
    peer.cast(Order::Fail).expect("it is up");
    let (told, at) = yard.told_at().await;
    assert_eq!(told, Up("probe"));
    at - failed
}

#[tokio::test(start_paused = true)]
async fn rests_double_up_to_a_cap_and_start_over_after_a_calm_window() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let _tree = grow(PATIENT, vec![yard.probe("probe", &peer)]).await;
    assert_eq!(yard.told().await, Up("probe"));

    for _ in 0..2 {
        assert_eq!(rest_after_failure(&mut yard, &peer).await, Duration::ZERO);
        for full_ms in [100, 200, 400, 400, 400] {
            let rest = rest_after_failure(&mut yard, &peer).await;
            // A timer of tokio's is up to a millisecond late.
            let range = Duration::from_millis(full_ms / 2)..=Duration::from_millis(full_ms + 1);
            assert!(range.contains(&rest), "{rest:?} is not within {range:?}");
        }
        tokio::time::sleep(PATIENT.within).await;
    }
}

#[test]
fn rests_are_jittered_within_their_upper_half_and_never_overflow() {
    let rests: Vec<_> = (0..200).map(|_| PATIENT.rest(2)).collect();
    let range = Duration::from_millis(100)..=Duration::from_millis(200);
    assert!(rests.iter().all(|rest| range.contains(rest)));
    assert!(rests.iter().any(|rest| *rest != rests[0]));
    assert!(PATIENT.rest(u32::MAX) <= PATIENT.max_backoff);
    let endless =
        RestartPolicy { first_backoff: Duration::MAX, max_backoff: Duration::MAX, ..PATIENT };
    assert!(endless.rest(40) <= Duration::MAX);
}

#[tokio::test(start_paused = true)]
async fn children_start_in_order_each_once_its_elder_is_up() {
    let mut yard = Yard::new();
    let children = vec![
        yard.probe("eldest", &Peer::new()),
        yard.refusing("middle", &Peer::new(), 2),
        yard.probe("youngest", &Peer::new()),
    ];
    let _tree = grow(POLICY, children).await;
    for told in [Up("eldest"), Refused("middle"), Refused("middle"), Up("middle"), Up("youngest")] {
        assert_eq!(yard.told().await, told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restarted_elder_does_not_start_the_younger_again() {
    let (mut yard, elder) = (Yard::new(), Peer::new());
    let children = vec![yard.probe("elder", &elder), yard.probe("younger", &Peer::new())];
    let _tree = grow(POLICY, children).await;
    elder.cast(Order::Fail).expect("it is up");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(yard.rest_of_journal(), [Up("elder"), Up("younger"), Up("elder")]);
}

#[tokio::test(start_paused = true)]
async fn a_tree_without_children_is_ready() {
    grow(POLICY, Vec::new()).await.shutdown().await;
}

/// A child may be dead before the supervisor hears of its arrival.
#[tokio::test(start_paused = true)]
async fn a_child_that_dies_before_its_arrival_is_told_comes_back() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let (writer, home) = (yard.writer.clone(), peer.clone());
    let starts = Arc::new(AtomicUsize::new(0));
    let short_lived = ChildSpec::new("probe", move |supervisor| {
        let life = Life { name: "probe", start: Start::Up, writer: writer.clone() };
        let (home, is_first) = (home.clone(), starts.fetch_add(1, Ordering::Relaxed) == 0);
        Box::pin(async move {
            let (actor, _) = Probe::spawn_linked(None, Probe, life, supervisor).await?;
            if is_first {
                actor.kill();
                let _ = actor.wait(None).await;
                // The supervisor reads of the death while the start goes on.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            home.publish(actor.clone());
            Ok(actor.into())
        })
    });
    let _tree = grow(POLICY, vec![short_lived]).await;
    assert_eq!(yard.told().await, Up("probe"));
    who(&peer).await;
}
