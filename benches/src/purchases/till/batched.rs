//! The server's own way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use protocol::client::{Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::purchases::{Environment, Grant, Kind};
use protocol::text::Text;
use storage::clock::{Clock, SystemClock};
use storage::config::{MariaDbSettings, ServerUrl, StorageSettings};
use storage::identity::{IdentityKey, LoginOutcome, LoginWrite, Proof};
use storage::open::Storage;
use storage::purchases::{Evidence, Facts, Heard, Named, PurchaseKey, Said, Source, State};
use storage::sessions::{Device, NewLogin};
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Fault;

/// How long a store's answer is waited for.
const LEASE: Duration = Duration::from_secs(60);
/// How many entries are added up at once.
const ENTRIES: usize = 20_000;

pub(super) struct Batched {
    storage: Storage,
    members: Arc<Vec<MemberId>>,
    key: EcdsaKeyPair,
    made: usize,
    _folder: TempDir,
}

/// What a store signs.
struct Receipt {
    member: MemberId,
    body: String,
    signature: Vec<u8>,
}

impl Batched {
    /// Without an address the truth is embedded.
    pub(super) async fn open(url: Option<&str>, members: usize) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let mariadb = MariaDbSettings {
            url: url.map(ServerUrl::new),
            migrate_at_start: true,
            ..MariaDbSettings::default()
        };
        let settings = StorageSettings { mariadb, ..StorageSettings::default() };
        let storage = Storage::open(folder.path(), &settings, &SystemClock).await?;
        storage.start_alone().await?;
        let mut made = Vec::with_capacity(members);
        for number in 0..members {
            made.push(member(&storage, number).await?);
        }
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| "no key can be made")?;
        Ok(Self { storage, members: Arc::new(made), key, made: 0, _folder: folder })
    }

    /// Whoever has done one takes the next.
    pub(super) async fn work(&mut self, purchases: usize, in_flight: usize) -> Result<(), Fault> {
        let receipts: Vec<Receipt> =
            (0..purchases).map(|_| self.receipt()).collect::<Result<_, _>>()?;
        let receipts = Arc::new(receipts);
        let public = Arc::new(self.key.public_key().as_ref().to_vec());
        let next = Arc::new(AtomicUsize::new(0));
        let mut working = JoinSet::new();
        for _ in 0..in_flight {
            let (storage, receipts) = (self.storage.clone(), receipts.clone());
            let (next, public) = (next.clone(), public.clone());
            working.spawn(async move {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(receipt) = receipts.get(at) else { return Ok::<_, Fault>(()) };
                    grant(&storage, &public, receipt).await?;
                }
            });
        }
        while let Some(done) = working.join_next().await {
            done??;
        }
        Ok(())
    }

    pub(super) async fn count(&self, purchases: usize) -> Result<(), Fault> {
        let (mut counted, mut after) = (0, None);
        loop {
            let page = self.storage.wallet.audit(0, after, ENTRIES).await?;
            if let Some(wrong) = page.discrepancies.first() {
                return Err(format!("the ledger does not add up: {wrong:?}").into());
            }
            // Two entries each.
            counted += page.entries / 2;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        match usize::try_from(counted)? {
            counted if counted == purchases => Ok(()),
            counted => Err(format!("{counted} were granted, not {purchases}").into()),
        }
    }

    fn receipt(&mut self) -> Result<Receipt, Fault> {
        self.made += 1;
        let member = self.members[self.made % self.members.len()];
        let body = serde_json::json!({"transaction": format!("{:032}", self.made)}).to_string();
        let signature = self
            .key
            .sign(&SystemRandom::new(), body.as_bytes())
            .map_err(|_| "nothing can be signed")?;
        Ok(Receipt { member, body, signature: signature.as_ref().to_vec() })
    }
}

/// As the server does it: kept, verified, heard.
async fn grant(storage: &Storage, public: &[u8], receipt: &Receipt) -> Result<(), Fault> {
    let (app, now): (AppId, _) = ("demo".parse()?, SystemClock.now());
    let evidence = Evidence {
        app: app.clone(),
        store: StoreName::AppStore,
        source: Source::Posted(receipt.member),
        mark: receipt.body.clone(),
        body: receipt.body.clone(),
        reservation: None,
    };
    let received = storage.purchases.receive(evidence, now, now.after(LEASE)).await?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
        .verify(receipt.body.as_bytes(), &receipt.signature)
        .map_err(|_| "a signature is not good")?;
    let said = Said {
        key: PurchaseKey {
            app,
            store: StoreName::AppStore,
            environment: Environment::Production,
            key: receipt.body.clone(),
        },
        facts: Facts {
            transaction: receipt.body.clone(),
            product: "gem_100".to_owned(),
            kind: Some(Kind::Consumable),
            quantity: 1,
            ..Facts::default()
        },
        state: State::Paid,
        refunded_bp: 0,
        reversed: false,
        at: now,
        source: Source::Posted(receipt.member),
        named: Named::Nobody,
        hold: None,
        product: Text::new("gem_100").ok(),
        grants: vec![Grant { item: Text::new("gem")?, amount: 100 }],
        settled: false,
        look_at: None,
        candidate: Uuid::now_v7(),
        evidence: Some(received.digest),
        webhook: false,
        now,
    };
    match storage.purchases.hear(said).await? {
        Heard::Owned { purchase, known: false, .. } if purchase.member == receipt.member => Ok(()),
        other => Err(format!("a purchase came to {other:?}").into()),
    }
}

async fn member(storage: &Storage, number: usize) -> Result<MemberId, Fault> {
    let key = IdentityKey {
        app: "demo".parse()?,
        provider: "bench".to_owned(),
        subject: number.to_string(),
    };
    let now = SystemClock.now();
    let candidate = MemberId::compose(
        key.shard(),
        now.0 / 1_000,
        u16::try_from(number % 4_096).unwrap_or_default(),
    );
    let device = Device {
        platform: Platform::Android,
        store: None,
        name: None,
        version: "1".to_owned(),
        said: Box::default(),
    };
    let login = NewLogin {
        id: LoginId(Uuid::now_v7()),
        provider: "bench".to_owned(),
        device,
        tag: [0; 32],
        token: [0; 32],
        expires_at: now.after(Duration::from_secs(3600)),
        now,
    };
    let write = LoginWrite { key, proof: Proof::Vouched, nonce: None, candidate, login };
    match storage.identity.login(write).await? {
        LoginOutcome::LoggedIn { member, .. } => Ok(member.id),
        other => Err(format!("a login came to {other:?}").into()),
    }
}
