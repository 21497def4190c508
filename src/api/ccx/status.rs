//! Errors in gRPC's words: the one table of its codes.

use http::{Method, StatusCode};
use tonic::{Code, Status};

use crate::api::error::ApiError;
use crate::api::request::Asking;
use crate::api::router;

/// Puts an error on record, and says it as gRPC does.
pub(super) fn told(path: &str, by: &Asking, error: &ApiError) -> Status {
    router::log(&Method::POST, path, by.peer, error);
    of(error)
}

/// An error as gRPC says it.
pub(super) fn of(error: &ApiError) -> Status {
    Status::new(code(error.status()), error.to_string())
}

/// What a status of HTTP is called there.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            Code::InvalidArgument
        }
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND | StatusCode::GONE => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::CONFLICT => Code::FailedPrecondition,
        StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::URI_TOO_LONG
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Invalid;
    use crate::store::StoreError;

    #[test]
    fn each_error_has_its_code_and_keeps_its_sentence() {
        let text = String::new;
        for (error, code) in [
            (ApiError::Invalid(Invalid::new("f", "w")), Code::InvalidArgument),
            (ApiError::Malformed(text()), Code::InvalidArgument),
            (ApiError::NotJson(text()), Code::InvalidArgument),
            (ApiError::KeyReused, Code::InvalidArgument),
            (ApiError::Unauthorized(text()), Code::Unauthenticated),
            (ApiError::Forbidden(text()), Code::PermissionDenied),
            (ApiError::OutOfScope(text()), Code::PermissionDenied),
            (ApiError::NotFound(text()), Code::NotFound),
            (ApiError::Conflict(Invalid::new("f", "w")), Code::FailedPrecondition),
            (ApiError::TooManyWrongTokens(3), Code::ResourceExhausted),
            (ApiError::TooLarge(3), Code::ResourceExhausted),
            (ApiError::TooSlow(3), Code::DeadlineExceeded),
            (ApiError::Crowded("full"), Code::Unavailable),
            (ApiError::Store(StoreError::Failed(text())), Code::Unavailable),
        ] {
            let status = of(&error);
            assert_eq!((status.code(), status.message()), (code, error.to_string().as_str()), "{error:?}");
        }
        assert_eq!(super::code(StatusCode::INTERNAL_SERVER_ERROR), Code::Internal);
    }
}
