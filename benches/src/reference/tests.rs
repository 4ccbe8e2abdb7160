use crate::clients::client::{Client, Door};
use crate::clients::player::Being;
use crate::clients::{Burst, Question, Whom};

use super::*;

async fn echoes(kind: Kind, whom: Whom) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { serve(kind, listener, &bare::Sockets::default()).await });
    let door = Door::new(whom, &address, Being::default()).unwrap();
    let entered = Client::enter(&door, 3).await.unwrap();
    let mut client = entered.client;
    client.burst(Burst::of(Question::Mixed, 50, 16)).await.unwrap();
    client.burst(Burst::ONE).await.unwrap();
    client.leave().await.unwrap();
}

#[tokio::test]
async fn the_tcp_echo_says_back_what_it_hears() {
    echoes(Kind::Tcp, Whom::Tcp).await;
    echoes(Kind::TcpWide, Whom::Tcp).await;
}

#[tokio::test]
async fn the_websocket_echo_says_back_what_it_hears() {
    echoes(Kind::Websocket, Whom::Websocket).await;
}
