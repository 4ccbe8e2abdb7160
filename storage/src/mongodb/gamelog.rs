//! The game log's duty.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::options::{ReadPreference, SelectionCriteria};
use protocol::ids::AppId;
use uuid::Uuid;

use super::document;
use super::fault::{self, OfOne};
use super::{MongoDb, answered, durable, within};
use crate::error::Result;
use crate::gamelog::{GamelogDuty, KeptRecord, Of, Since, Verdict};

#[async_trait]
impl GamelogDuty for MongoDb {
    fn is_local(&self) -> bool {
        false
    }

    async fn append(&self, records: Arc<[KeptRecord]>) -> Result<Vec<Verdict>> {
        self.fit().await?;
        let mut verdicts = vec![Verdict::Kept; records.len()];
        let (mut places, mut documents) = (Vec::new(), Vec::new());
        let retention = self.settings.retention();
        for (place, record) in records.iter().enumerate() {
            match document::write(record, retention) {
                Ok(document) => {
                    places.push(place);
                    documents.push(document);
                }
                Err(reason) => verdicts[place] = Verdict::Refused(reason),
            }
        }
        if documents.is_empty() {
            return Ok(verdicts);
        }
        let collection = self.raw();
        let write = collection.insert_many(documents).ordered(false).write_concern(durable());
        let Err(error) = answered(write).await? else { return Ok(verdicts) };
        let mut repeated = Vec::new();
        for (place, of_one) in fault::of_documents(&error)? {
            let Some(place) = places.get(place) else { continue };
            match of_one {
                OfOne::Repeated => repeated.push(*place),
                OfOne::Refused(reason) => verdicts[*place] = Verdict::Refused(reason),
                OfOne::Failed(reason) => verdicts[*place] = Verdict::Failed(reason),
            }
        }
        let ids: Vec<_> = repeated.iter().map(|place| records[*place].id).collect();
        let there = self.there(&ids).await?;
        for place in repeated {
            if !there.contains(&records[place].id) {
                let reason = "a unique index that is not the game log's own has its like";
                verdicts[place] = Verdict::Refused(reason.to_owned());
            }
        }
        Ok(verdicts)
    }

    async fn list(
        &self,
        app: AppId,
        of: Of,
        since: Since,
        limit: usize,
    ) -> Result<Vec<KeptRecord>> {
        // To MongoDB no limit is 0.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut filter = doc! {"app": app.as_str(), "at": {"$gte": since.at.0}};
        match of {
            Of::Member(member) => filter.insert("member", member.number()),
            Of::Kind(kind) => filter.insert("kind", kind),
        };
        if let Some(id) = since.after {
            let behind = doc! {"at": since.at.0, "_id": {"$gt": document::id(id)}};
            filter.insert("$or", vec![doc! {"at": {"$gt": since.at.0}}, behind]);
        }
        let records = self.records();
        let find = records.find(filter).sort(doc! {"at": 1, "_id": 1}).limit(limit);
        let found: Vec<Document> = within(async { find.await?.try_collect().await }).await?;
        found.iter().map(|document| document::read(document, &app)).collect()
    }
}

impl MongoDb {
    /// Which of these records are there. That MongoDB answered before with a majority's word
    /// holds for them too: it waits for all that its refusal is based on.
    async fn there(&self, ids: &[Uuid]) -> Result<HashSet<Uuid>> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let ids: Vec<_> = ids.iter().map(|id| document::id(*id)).collect();
        let records = self.records();
        let find = records
            .find(doc! {"_id": {"$in": ids}})
            .projection(doc! {"_id": 1})
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let found: Vec<Document> = within(async { find.await?.try_collect().await }).await?;
        Ok(found.iter().filter_map(document::id_in).collect())
    }
}
