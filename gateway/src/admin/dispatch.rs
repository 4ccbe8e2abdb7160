//! What each row of the table does: one arm each.

use protocol::operators::endpoint::Endpoint;
use protocol::operators::refusal::Refusal;

use super::Admin;
use super::answer::Answer;
use super::documents::{Banners, Images, Maintenance, Notices, Testers, Versions};
use super::request::Asked;

impl Admin {
    pub(super) async fn dispatched(
        &self,
        endpoint: Endpoint,
        asked: Asked,
    ) -> Result<Answer, Refusal> {
        match endpoint {
            Endpoint::Login => self.login(asked).await,
            Endpoint::Logout => self.logout(asked).await,
            Endpoint::Prove => self.prove(asked).await,
            Endpoint::Me => self.me(&asked),
            Endpoint::MyPassword => self.my_password(asked).await,
            Endpoint::MySessions => self.my_sessions(asked).await,
            Endpoint::MySessionEnd => self.my_session_end(asked).await,
            Endpoint::Apps => self.apps(&asked),
            Endpoint::Operators => self.operators_page(asked).await,
            Endpoint::OperatorCreate => self.operator_create(asked).await,
            Endpoint::OperatorShow => self.operator_show(asked).await,
            Endpoint::OperatorChange => self.operator_change(asked).await,
            Endpoint::OperatorRemove => self.operator_remove(asked).await,
            Endpoint::OperatorPassword => self.operator_password(asked).await,
            Endpoint::OperatorTotp => self.operator_totp(asked).await,
            Endpoint::OperatorSessions => self.operator_sessions(asked).await,
            Endpoint::OperatorSessionsEnd => self.operator_sessions_end(asked).await,
            Endpoint::Audit => self.audit(asked, None).await,
            Endpoint::AppAudit => {
                let app = asked.params.app()?;
                self.audit(asked, app).await
            }
            Endpoint::VersionList => self.documents::<Versions>(asked).await,
            Endpoint::VersionCreate => self.document_create::<Versions>(asked).await,
            Endpoint::VersionShow => self.document_show::<Versions>(asked).await,
            Endpoint::VersionChange => self.document_change::<Versions>(asked).await,
            Endpoint::VersionRemove => self.document_remove::<Versions>(asked).await,
            Endpoint::MaintenanceList => self.documents::<Maintenance>(asked).await,
            Endpoint::MaintenanceCreate => self.document_create::<Maintenance>(asked).await,
            Endpoint::MaintenanceShow => self.document_show::<Maintenance>(asked).await,
            Endpoint::MaintenanceChange => self.document_change::<Maintenance>(asked).await,
            Endpoint::MaintenanceRemove => self.document_remove::<Maintenance>(asked).await,
            Endpoint::MaintenanceExtend => self.maintenance_extend(asked).await,
            Endpoint::MaintenanceEnd => self.maintenance_end(asked).await,
            Endpoint::TesterList => self.documents::<Testers>(asked).await,
            Endpoint::TesterCreate => self.document_create::<Testers>(asked).await,
            Endpoint::TesterShow => self.document_show::<Testers>(asked).await,
            Endpoint::TesterChange => self.document_change::<Testers>(asked).await,
            Endpoint::TesterRemove => self.document_remove::<Testers>(asked).await,
            Endpoint::NoticeList => self.documents::<Notices>(asked).await,
            Endpoint::NoticeCreate => self.document_create::<Notices>(asked).await,
            Endpoint::NoticeShow => self.document_show::<Notices>(asked).await,
            Endpoint::NoticeChange => self.document_change::<Notices>(asked).await,
            Endpoint::NoticeRemove => self.document_remove::<Notices>(asked).await,
            Endpoint::NoticeCounts => self.counts::<Notices>(asked).await,
            Endpoint::BannerList => self.documents::<Banners>(asked).await,
            Endpoint::BannerCreate => self.document_create::<Banners>(asked).await,
            Endpoint::BannerShow => self.document_show::<Banners>(asked).await,
            Endpoint::BannerChange => self.document_change::<Banners>(asked).await,
            Endpoint::BannerRemove => self.document_remove::<Banners>(asked).await,
            Endpoint::BannerCounts => self.counts::<Banners>(asked).await,
            Endpoint::ImageList => self.documents::<Images>(asked).await,
            Endpoint::ImageUpload => self.image_upload(asked).await,
            Endpoint::ImageShow => self.document_show::<Images>(asked).await,
            Endpoint::ImageRemove => self.image_remove(asked).await,
        }
    }
}
