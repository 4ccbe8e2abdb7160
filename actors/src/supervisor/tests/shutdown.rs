use super::*;

#[tokio::test(start_paused = true)]
async fn children_stop_in_reverse_order_and_nobody_comes_back() {
    let mut yard = Yard::new();
    let inner = vec![yard.probe("c", &Peer::new()), yard.probe("d", &Peer::new())];
    let children = vec![
        yard.probe("a", &Peer::new()),
        yard.probe("b", &Peer::new()),
        subtree("inner", POLICY, inner),
        yard.probe("e", &Peer::new()),
    ];
    let tree = grow(POLICY, children).await;
    for told in ["a", "b", "c", "d", "e"].map(Up) {
        assert_eq!(yard.told().await, told);
    }

    tree.shutdown().await;

    assert_eq!(yard.rest_of_journal(), ["e", "d", "c", "b", "a"].map(Down));
    tokio::time::sleep(POLICY.within).await;
    assert_eq!(yard.rest_of_journal(), []);
    assert_eq!(tree.escalated().await, None);
    tree.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stuck_child_is_killed_in_its_time_and_its_siblings_stop_in_order() {
    let (mut yard, stuck) = (Yard::new(), Peer::new());
    let children = vec![
        yard.probe("elder", &Peer::new()),
        yard.probe("stuck", &stuck).stop_within(Duration::from_secs(3)),
        yard.probe("younger", &Peer::new()),
    ];
    let tree = grow(POLICY, vec![subtree("inner", POLICY, children)]).await;
    stuck.cast(Order::Work(Duration::MAX)).expect("it is up");
    let begun = Instant::now();

    tree.shutdown().await;

    assert_eq!(begun.elapsed().as_secs(), 3);
    assert!(stuck.get().is_none());
    let told = yard.rest_of_journal();
    assert_eq!(told[3..], [Down("younger"), Down("elder")]);
}

#[tokio::test(start_paused = true)]
async fn what_a_child_has_accepted_is_handled_before_it_stops() {
    let (yard, peer) = (Yard::new(), Peer::new());
    let tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    peer.cast(Order::Work(Duration::from_secs(1))).expect("it is up");
    let (reply_to, reply) = oneshot::channel();
    peer.cast(Order::Who(reply_to)).expect("it is up");
    tree.shutdown().await;
    reply.await.expect("it answered");
}

#[tokio::test(start_paused = true)]
async fn a_child_can_be_stopped_in_its_own_way() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let (asked, mut answer) = mpsc::unbounded_channel();
    let probe = yard.probe("probe", &peer).stop_by(move |cell| {
        let _ = asked.send(cell.get_id());
        let _ = cell.send_message(Order::Stop);
    });
    let tree = grow(POLICY, vec![probe]).await;
    let id = who(&peer).await;
    tree.shutdown().await;
    assert_eq!(answer.recv().await, Some(id));
    assert_eq!(yard.rest_of_journal(), [Up("probe"), Down("probe")]);
}

#[tokio::test(start_paused = true)]
async fn a_resting_child_does_not_come_back() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let tree = grow(PATIENT, vec![yard.probe("probe", &peer)]).await;
    for _ in 0..2 {
        assert_eq!(yard.told().await, Up("probe"));
        peer.cast(Order::Fail).expect("it is up");
    }
    // Long enough to read of the second death, too short for the rest after it.
    tokio::time::sleep(Duration::from_millis(10)).await;
    tree.shutdown().await;
    tokio::time::sleep(PATIENT.within).await;
    assert_eq!(yard.rest_of_journal(), []);
    assert!(peer.get().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_still_starts_is_shut_down_at_once_and_in_order() {
    let mut yard = Yard::new();
    let inner =
        vec![yard.probe("b", &Peer::new()), yard.probe("c", &Peer::new()), yard.hanging("hanging")];
    let children = vec![yard.probe("a", &Peer::new()), subtree("inner", POLICY, inner)];
    let tree = Supervisor::spawn("root", POLICY, children).await.expect("it spawns");
    for told in ["a", "b", "c"].map(Up) {
        assert_eq!(yard.told().await, told);
    }
    let begun = Instant::now();

    tree.shutdown().await;

    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(yard.rest_of_journal(), ["c", "b", "a"].map(Down));
    assert_eq!(tree.ready().await, Err(NotReady::Ended));
}
