//! Any bytes as a request's body: the first says in which format, the others are the body.

use protocol::codec::Format;
use protocol::error::ErrorCode;
use protocol::operation::Operation;

/// Reads the bytes as the body of every operation. What is read is written and read alike, in
/// both formats; what is not read is answered with the field at fault.
pub fn check(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let format = if first % 2 == 0 { Format::Msgpack } else { Format::Json };
    for operation in Operation::ALL {
        match operation.decode(format, body) {
            Ok(request) => {
                for format in Format::ALL {
                    let mut written = Vec::new();
                    format.encode(&request, &mut written).unwrap();
                    let read = operation.decode(*format, &written);
                    assert_eq!(read.as_ref(), Ok(&request), "{format:?} {written:x?}");
                }
            }
            Err(error) => {
                assert_eq!(error.code, ErrorCode::BodyInvalid, "{error:?}");
                assert!(!error.message.is_empty());
                // It goes into an answer, whatever the client has sent.
                assert!(error.message.len() < 1_024, "{} bytes", error.message.len());
            }
        }
    }
}
