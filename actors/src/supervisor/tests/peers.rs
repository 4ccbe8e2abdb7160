use super::*;

#[tokio::test(start_paused = true)]
async fn a_peer_where_nobody_lives_gives_the_message_back() {
    let peer = Peer::<Order>::new();
    assert!(peer.get().is_none());
    assert!(matches!(peer.cast(Order::Stop), Err(Gone(Order::Stop))));
}

#[tokio::test(start_paused = true)]
async fn every_clone_of_a_peer_sees_the_same_actor() {
    let (yard, peer) = (Yard::new(), Peer::new());
    let clone = peer.clone();
    let _tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    assert_eq!(peer.get(), clone.get());
    assert_eq!(who(&peer).await, who(&clone).await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_gives_the_message_back_while_its_actor_rests() {
    let (mut yard, peer) = (Yard::new(), Peer::new());
    let _tree = grow(POLICY, vec![yard.probe("probe", &peer)]).await;
    for _ in 0..2 {
        assert_eq!(yard.told().await, Up("probe"));
        let actor = peer.get().expect("it is up");
        actor.kill();
        actor.wait(None).await.expect("it ends");
    }
    assert!(matches!(peer.cast(Order::Stop), Err(Gone(Order::Stop))));
    assert_eq!(yard.told().await, Up("probe"));
    who(&peer).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_can_be_made_of_an_actor() {
    let yard = Yard::new();
    let life = Life { name: "lone", start: Start::Up, writer: yard.writer.clone() };
    let (actor, _) = Probe::spawn(None, Probe, life).await.expect("it spawns");
    assert_eq!(who(&Peer::from(actor.clone())).await, actor.get_id());
}
