use super::*;

/// Fails the probe at `peer` each time it is up, `deaths` times.
async fn storm(yard: &mut Yard, name: &'static str, peer: &Peer<Order>, deaths: usize) {
    for _ in 0..deaths {
        while yard.told().await != Up(name) {}
        peer.cast(Order::Fail).expect("it is up");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_deaths_escalates_and_names_the_child() {
    let (mut yard, calm, wild) = (Yard::new(), Peer::new(), Peer::new());
    let tree = grow(POLICY, vec![yard.probe("calm", &calm), yard.probe("wild", &wild)]).await;

    storm(&mut yard, "wild", &wild, POLICY.max_deaths + 1).await;

    let expected = Escalated {
        child: "wild",
        deaths: POLICY.max_deaths + 1,
        window: POLICY.within,
        reason: "as ordered".to_owned(),
    };
    assert_eq!(tree.escalated().await, Some(expected.clone()));
    assert_eq!(expected.to_string(), "4 deaths within 60s, the last of wild: as ordered");
    tree.shutdown().await;
    assert_eq!(yard.rest_of_journal(), [Down("calm")]);
    assert!(calm.get().is_none());
    assert!(wild.get().is_none());
    assert_eq!(tree.escalated().await, Some(expected));
}

#[tokio::test(start_paused = true)]
async fn as_many_deaths_as_allowed_do_not_escalate() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    storm(&mut yard, "probe", &peer, POLICY.max_deaths).await;
    assert_eq!(yard.told().await, Up("probe"));
    tree.shutdown().await;
    assert_eq!(tree.escalated().await, None);
}

#[tokio::test(start_paused = true)]
async fn deaths_that_are_far_between_do_not_escalate() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    for _ in 0..POLICY.max_deaths * 3 {
        storm(&mut yard, "probe", &peer, 1).await;
        tokio::time::sleep(POLICY.within / 2).await;
    }
    assert_eq!(yard.told().await, Up("probe"));
    tree.shutdown().await;
    assert_eq!(tree.escalated().await, None);
}

#[tokio::test(start_paused = true)]
async fn failed_starts_count_as_deaths() {
    let mut yard = Yard::new();
    let children = vec![
        yard.probe("elder", &Peer::new()),
        yard.refusing("refusing", &Peer::new(), usize::MAX),
    ];
    let tree = Supervisor::spawn("root", POLICY, children).await.expect("it spawns");

    let Err(NotReady::Escalated(escalated)) = tree.ready().await else {
        panic!("it cannot become ready");
    };

    assert_eq!(escalated.child, "refusing");
    assert_eq!(escalated.deaths, POLICY.max_deaths + 1);
    assert_eq!(escalated.reason, "it did not start: not today");
    tree.shutdown().await;
    let mut expected = vec![Up("elder")];
    expected.extend([Refused("refusing"); POLICY.max_deaths + 1]);
    expected.push(Down("elder"));
    assert_eq!(yard.rest_of_journal(), expected);
}

/// The reason that a tree of this one child escalates with when its first start fails.
async fn reason_of_failed_start(spec: ChildSpec) -> String {
    let strict = RestartPolicy { max_deaths: 0, ..POLICY };
    let tree = Supervisor::spawn("root", strict, vec![spec]).await.expect("it spawns");
    tree.escalated().await.expect("it escalates").reason
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_is_a_failed_one() {
    let begun = Instant::now();
    let hanging = Yard::new().hanging("probe").start_within(Duration::from_secs(7));
    assert_eq!(reason_of_failed_start(hanging).await, "it did not start within 7s");
    assert_eq!(begun.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_arguments_are_made_is_a_failed_start() {
    let spec = child("probe", Peer::new(), || -> (Probe, Life) { panic!("no arguments") });
    assert_eq!(reason_of_failed_start(spec).await, "its start panicked: no arguments");
}

#[tokio::test(start_paused = true)]
async fn an_escalated_subtree_is_restarted_with_fresh_children() {
    let (mut yard, outer, wild, calm) = (Yard::new(), Peer::new(), Peer::new(), Peer::new());
    let inner = vec![yard.probe("wild", &wild), yard.probe("calm", &calm)];
    let children = vec![yard.probe("outer", &outer), subtree("inner", POLICY, inner)];
    let tree = grow(POLICY, children).await;
    let (first_outer, first_calm) = (who(&outer).await, who(&calm).await);

    storm(&mut yard, "wild", &wild, POLICY.max_deaths + 1).await;

    for told in [Down("calm"), Up("wild"), Up("calm")] {
        assert_eq!(yard.told().await, told);
    }
    assert_ne!(who(&calm).await, first_calm);
    who(&wild).await;
    assert_eq!(who(&outer).await, first_outer);
    // The new incarnation does not inherit the old one's deaths.
    wild.cast(Order::Fail).expect("it is up");
    assert_eq!(yard.told().await, Up("wild"));
    tree.shutdown().await;
    assert_eq!(tree.escalated().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_subtree_that_never_comes_up_takes_the_root_down_with_the_whole_story() {
    let yard = Yard::new();
    let strict = RestartPolicy { max_deaths: 1, ..POLICY };
    let inner = vec![yard.refusing("refusing", &Peer::new(), usize::MAX)];
    let tree = Supervisor::spawn("root", strict, vec![subtree("inner", strict, inner)]).await;

    let escalated = tree.expect("it spawns").escalated().await.expect("it escalates");

    assert_eq!((escalated.child, escalated.deaths), ("inner", 2));
    assert_eq!(
        escalated.reason,
        "it did not start: 2 deaths within 60s, the last of refusing: it did not start: not today"
    );
}

#[tokio::test(start_paused = true)]
async fn a_subtree_may_take_as_long_to_start_as_its_children() {
    let hanging = Yard::new().hanging("probe").start_within(Duration::from_secs(100));
    let strict = RestartPolicy { max_deaths: 0, ..POLICY };
    let inner = subtree("inner", strict, vec![hanging]).start_within(Duration::from_secs(1));
    assert_eq!(
        reason_of_failed_start(inner).await,
        "it did not start: 1 deaths within 60s, the last of probe: it did not start within 100s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_killed_subtree_is_restarted() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let tree = grow(POLICY, vec![subtree("inner", POLICY, vec![yard.probe("probe", &peer)])]).await;
    assert_eq!(yard.told().await, Up("probe"));
    for nested in tree.actor.get_children() {
        nested.kill();
    }
    assert_eq!(yard.told().await, Up("probe"));
    who(&peer).await;
}
