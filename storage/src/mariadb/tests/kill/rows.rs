//! What the databases hold, read by the test itself.

use mysql_async::FromRowError;
use mysql_async::prelude::{FromRow, Queryable};

use super::check::{Booked, Books, Claimed, Entry, Login, Member, Push, Rows, Session};
use crate::mariadb::tests::server::Database;

/// Reads all of it.
pub(super) async fn read(databases: &[Database]) -> Rows {
    let mut rows = Rows::default();
    for database in databases {
        rows.sessions.extend(
            all(database, "SELECT member, epoch, inbox_seq, inbox_acked FROM member_session")
                .await
                .into_iter()
                .map(|(member, epoch, seq, acked): (i64, u64, u64, u64)| Session {
                    member: member.to_string(),
                    epoch,
                    seq,
                    acked,
                }),
        );
        rows.pushes.extend(
            all(database, "SELECT member, seq, body FROM inbox").await.into_iter().map(
                |(member, seq, body): (i64, u64, String)| Push {
                    member: member.to_string(),
                    seq,
                    body,
                },
            ),
        );
        let select = "SELECT LOWER(HEX(login)), member, epoch, LOWER(HEX(token)), \
                      ended_by IS NOT NULL FROM login";
        rows.logins.extend(all(database, select).await.into_iter().map(
            |(login, member, epoch, token, ended): (String, i64, u64, String, bool)| Login {
                login,
                member: member.to_string(),
                epoch,
                token,
                ended,
            },
        ));
        rows.members.extend(
            all(database, "SELECT member, LOWER(HEX(ban)) FROM member").await.into_iter().map(
                |(member, ban): (i64, Option<String>)| Member { member: member.to_string(), ban },
            ),
        );
        rows.claims
            .extend(pairs(database, "subject, CAST(member AS CHAR) FROM identity_claim").await);
        rows.identities
            .extend(pairs(database, "CAST(member AS CHAR), subject FROM identity").await);
        rows.bans.extend(pairs(database, "LOWER(HEX(ban)), CAST(member AS CHAR) FROM ban").await);
        books(database, &mut rows.books).await;
    }
    rows
}

async fn books(database: &Database, books: &mut Books) {
    let select = "SELECT store_key, CAST(owner AS CHAR), pending FROM purchase_claim";
    books.claims.extend(all(database, select).await.into_iter().map(
        |(purchase, owner, pending): (String, Option<String>, bool)| Claimed {
            purchase,
            owner,
            pending,
        },
    ));
    let select =
        "SELECT store_key, CAST(member AS CHAR), LOWER(HEX(purchase)), stand FROM purchase";
    books.purchases.extend(all(database, select).await.into_iter().map(
        |(purchase, member, id, stand): (String, String, String, String)| Booked {
            purchase,
            member,
            id,
            stand,
        },
    ));
    let select = "SELECT CAST(member AS CHAR), LOWER(HEX(transfer)), LOWER(HEX(purchase)), delta \
                  FROM ledger WHERE account = 'member' AND item = 'gem'";
    books.entries.extend(all(database, select).await.into_iter().map(
        |(member, transfer, purchase, delta): (String, String, Option<String>, i64)| Entry {
            member,
            transfer,
            purchase,
            delta,
        },
    ));
    let select = "SELECT CAST(member AS CHAR), balance FROM wallet WHERE item = 'gem'";
    books.balances.extend(all::<(String, i64)>(database, select).await);
    let select = "SELECT CAST(member AS CHAR), COUNT(*) FROM inbox \
                  WHERE word = 'wallet.changed' GROUP BY member";
    books.told.extend(all::<(String, u64)>(database, select).await);
    let select = "SELECT CAST(member AS CHAR), seq FROM outbox";
    books.notices.extend(all::<(String, u64)>(database, select).await);
}

/// How much that is.
pub(super) fn counts(rows: &Rows) -> String {
    format!(
        "kept: {} members, {} logins, {} pushes, {} bans, {} purchases, {} entries",
        rows.members.len(),
        rows.logins.len(),
        rows.pushes.len(),
        rows.bans.len(),
        rows.books.purchases.len(),
        rows.books.entries.len()
    )
}

async fn pairs(database: &Database, select: &str) -> Vec<(String, String)> {
    all(database, &format!("SELECT {select}")).await
}

async fn all<T: FromRow + Send + 'static>(database: &Database, select: &str) -> Vec<T> {
    let mut connection = database.connect().await;
    let rows: Vec<mysql_async::Row> = connection.query(select).await.unwrap();
    rows.into_iter()
        .map(|row| T::from_row_opt(row).unwrap_or_else(|FromRowError(row)| panic!("{row:?}")))
        .collect()
}
