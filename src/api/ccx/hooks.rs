//! `ccx.hook.v1.HookService`.

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response, Status};

use super::calls::Calling;
use super::deadline::Deadline;
use super::messages::{Call, from_proto, to_proto};
use super::proto::hook_service_server::HookService;
use super::proto::{
    PostAddNodeRequest, PostAddNodeResponse, PostCreateClusterRequest, PostCreateClusterResponse,
    PostDeleteClusterRequest, PostDeleteClusterResponse, PostRemoveNodeRequest, PostRemoveNodeResponse,
    PreAddNodeRequest, PreAddNodeResponse, PreCreateClusterRequest, PreCreateClusterResponse, PreDeleteClusterRequest,
    PreDeleteClusterResponse, PreRemoveNodeRequest, PreRemoveNodeResponse,
};
use super::status;
use crate::api::App;
use crate::api::request::Asking;

/// What comes with a call beside its message.
pub(super) struct Beside {
    pub(super) by: Asking,
    pub(super) calling: Calling,
    pub(super) deadline: Deadline,
}

/// Answers the calls.
pub(super) struct Hooks {
    pub(super) app: Arc<App>,
}

impl Hooks {
    async fn call<T: Message, R: Message + Default>(
        &self,
        hook: &str,
        request: Request<T>,
    ) -> Result<Response<R>, Status> {
        let (Some(call), Some(beside)) = (Call::find(hook), request.extensions().get::<Arc<Beside>>().cloned()) else {
            return Err(Status::internal("this call came in without its caller"));
        };
        let timeout = beside.deadline.left().ok_or_else(|| {
            Status::deadline_exceeded(
                "the deadline leaves no time to ask anybody: give some hundred milliseconds at least",
            )
        })?;
        let message = from_proto(call.request(), request.get_ref());
        let made = beside.calling.make(&self.app, call, &message, timeout).await;
        let answer = made.map_err(|error| status::told(&call.path(), &beside.by, &error))?;
        Ok(Response::new(to_proto(&answer)))
    }
}

/// The methods of the service, each with the name of its hook.
macro_rules! methods {
    ($($method:ident $hook:literal $takes:ident $answers:ident)*) => {
        #[tonic::async_trait]
        impl HookService for Hooks {
            $(
                async fn $method(&self, request: Request<$takes>) -> Result<Response<$answers>, Status> {
                    self.call($hook, request).await
                }
            )*
        }
    };
}

methods! {
    pre_create_cluster "pre-create-cluster" PreCreateClusterRequest PreCreateClusterResponse
    post_create_cluster "post-create-cluster" PostCreateClusterRequest PostCreateClusterResponse
    pre_add_node "pre-add-node" PreAddNodeRequest PreAddNodeResponse
    post_add_node "post-add-node" PostAddNodeRequest PostAddNodeResponse
    pre_remove_node "pre-remove-node" PreRemoveNodeRequest PreRemoveNodeResponse
    post_remove_node "post-remove-node" PostRemoveNodeRequest PostRemoveNodeResponse
    pre_delete_cluster "pre-delete-cluster" PreDeleteClusterRequest PreDeleteClusterResponse
    post_delete_cluster "post-delete-cluster" PostDeleteClusterRequest PostDeleteClusterResponse
}
