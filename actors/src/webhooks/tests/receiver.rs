//! A game's server on loopback, which answers by what it is told.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::purchases::testing::{Asked, request};

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    /// Nothing, ever.
    Silence,
}

type Rule = Box<dyn Fn(&Asked) -> Answer + Send>;

#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    rule: Mutex<Rule>,
    came: Mutex<Vec<Asked>>,
    count: watch::Sender<usize>,
}

impl Receiver {
    /// One that takes everything.
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?of=game", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            rule: Mutex::new(Box::new(|_| Answer::Status(204))),
            came: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Self { url, shared }
    }

    /// Answers so from now on.
    pub(super) fn answers(&self, rule: impl Fn(&Asked) -> Answer + Send + 'static) {
        *self.shared.rule.lock() = Box::new(rule);
    }

    /// Everything that came, in order.
    pub(super) fn came(&self) -> Vec<Asked> {
        self.shared.came.lock().clone()
    }

    /// The products of the purchases that were told of, in order.
    pub(super) fn told(&self) -> Vec<String> {
        self.came().iter().map(product).collect()
    }

    /// Waits until so many came.
    pub(super) async fn wait(&self, count: usize) {
        let mut came = self.shared.count.subscribe();
        came.wait_for(|came| *came >= count).await.unwrap();
    }
}

/// Of which product a notice tells.
pub(super) fn product(asked: &Asked) -> String {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    body["data"]["purchase"]["product"].as_str().unwrap().to_owned()
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut text = Vec::new();
    let asked = loop {
        match stream.read_buf(&mut text).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Some(asked) = request(&text) {
            break asked;
        }
    };
    let answer = (shared.rule.lock())(&asked);
    shared.came.lock().push(asked);
    shared.count.send_modify(|count| *count += 1);
    match answer {
        Answer::Status(status) => {
            // Where a redirect leads to is this very server.
            let answer = format!(
                "HTTP/1.1 {status} S\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Answer::Silence => drop(stream.read(&mut [0]).await),
    }
}
