//! What a client says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::AppId;
use crate::text::Text;

/// The game client that is calling. Sent with `launch.status`, logins and opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Client {
    /// The game; where a request names a game too, both must be the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "demo")]
    pub app: Option<AppId>,
    /// The client's version, for example `1.4.0`.
    #[schema(value_type = String, max_length = 32, example = "1.4.0")]
    pub version: Text<32>,
    /// The system it runs on.
    pub platform: Platform,
    /// Where it was installed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreName>,
    /// A name of the device for the player's own eyes (`session.list`); no hardware id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128, example = "Pixel 9")]
    pub device: Option<Text<128>>,
    /// An id that this installation of the game made up for itself, by which operators know the
    /// devices that test; no hardware id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub device_id: Option<Text<64>>,
    /// The player's language, a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 35, example = "ko")]
    pub lang: Option<Text<35>>,
    /// The player's country, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 2, example = "KR")]
    pub country: Option<Text<2>>,
}

/// Makes an enum of words with one text form, on the wire and in stores. Attributes written above the name
/// (documentation, further derives) go to the enum.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])+ $name:ident { $($(#[$vdoc:meta])+ $variant:ident = $word:tt,)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ::serde::Serialize)]
        pub enum $name { $($(#[$vdoc])+ #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the wire and in stores.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value of a word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        // Serde's own would take a variant's place in the table, too, which may change.
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let word = ::std::string::String::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| {
                    ::serde::de::Error::unknown_variant(&word, &[$($word,)+])
                })
            }
        }
    };
}

words! {
    /// The system a client runs on.
    #[derive(ToSchema)]
    Platform {
        /// Android.
        Android = "android",
        /// iOS and iPadOS.
        Ios = "ios",
        /// Windows.
        Windows = "windows",
        /// macOS.
        Macos = "macos",
        /// Linux and SteamOS.
        Linux = "linux",
        /// A browser.
        Web = "web",
    }
}

words! {
    /// Where a client was installed from.
    #[derive(ToSchema)]
    StoreName {
        /// Google Play.
        GooglePlay = "google_play",
        /// Apple's App Store.
        AppStore = "app_store",
        /// ONE store.
        OneStore = "one_store",
        /// Samsung Galaxy Store.
        GalaxyStore = "galaxy_store",
        /// Huawei AppGallery.
        Huawei = "huawei",
        /// Amazon Appstore.
        Amazon = "amazon",
        /// Steam.
        Steam = "steam",
        /// The publisher's own download.
        Own = "own",
    }
}

#[cfg(test)]
mod tests {
    use crate::codec::Format;

    use super::*;

    #[test]
    fn a_word_is_read_as_a_word_alone() {
        #[derive(Debug, Serialize, Deserialize, PartialEq)]
        struct Body<T> {
            platform: T,
        }
        for format in Format::ALL {
            let read = |platform: serde_json::Value| {
                let mut body = Vec::new();
                format.encode(&Body { platform }, &mut body).unwrap();
                format.decode_body::<Body<Platform>>(&body).map(|body| body.platform)
            };
            for platform in Platform::ALL {
                assert_eq!(read(platform.word().into()), Ok(*platform));
            }
            assert!(read("Android".into()).is_err());
            assert!(read(0.into()).is_err());
            assert!(read(serde_json::json!({ "android": null })).is_err());
            assert!(read("amiga".into()).unwrap_err().message.contains("`android`"));
        }
    }
}
