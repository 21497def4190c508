//! `nyala test-client`: calls one of CCX's hooks over gRPC, as its control plane does.

use std::time::Duration;

use http::uri::PathAndQuery;
use prost_reflect::DynamicMessage;

use super::client::{DEFAULT_GRPC_SERVER, Server};
use super::exit::Failure;
use super::output::{self, visible};
use super::payload;
use crate::api::ccx::messages::{Call, Unknown, from_json, to_json};
use crate::domain::Invalid;

/// Call one of CCX's hooks over gRPC, for trying things out
///
/// METHOD is `create_cluster`, `add_node`, `remove_node` or `delete_cluster`, which ask before it happens,
/// or one of these with `post_` before it, which tell afterwards; `pre_add_node`, `pre-add-node` and
/// `PreAddNode` mean the same as `add_node`. The answer is printed as JSON. A no is an answer, too: it
/// exits with 0.
#[derive(clap::Args, Debug)]
#[command(mut_arg("server", |arg| arg.default_value(DEFAULT_GRPC_SERVER).env("NYALA_GRPC_SERVER").help("Where the server speaks gRPC")))]
pub struct TestClient {
    /// Which hook, such as `add_node`
    #[arg(value_name = "METHOD", value_parser = method)]
    call: &'static Call,
    /// The message as JSON, `@FILE` to read it from a file, or - for stdin, such as
    /// {"clusterId":"1","nodeCount":1}
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    message: String,
    /// How long to wait for the answer, at most 60s
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::client::waiting::wait)]
    timeout: Duration,
    #[command(flatten)]
    server: Server,
}

/// The hook of this name, in any of the spellings that are in use.
fn method(text: &str) -> Result<&'static Call, String> {
    let found = Call::all().iter().find(|call| spellings(call.hook.name).iter().any(|spelling| spelling == text));
    found.ok_or_else(|| {
        let names: Vec<_> = Call::all().iter().map(|call| call.hook.name.replace('-', "_")).collect();
        format!("want one of {}", names.join(", "))
    })
}

/// `pre-add-node`, `pre_add_node`, `PreAddNode`, `preAddNode`, and these without `pre`.
fn spellings(name: &str) -> Vec<String> {
    let short = name.strip_prefix("pre-").unwrap_or(name);
    let spelled = |name: &str| {
        let pascal: String = name.split('-').map(capitalised).collect();
        let (first, rest) = name.split_once('-').unwrap_or((name, ""));
        let camel = format!("{first}{}", rest.split('-').map(capitalised).collect::<String>());
        [name.to_owned(), name.replace('-', "_"), pascal, camel]
    };
    [spelled(name), spelled(short)].concat()
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

impl TestClient {
    /// Calls, and prints the answer.
    ///
    /// # Errors
    /// Exit code 2 when the message cannot be read, 4 when nobody answers, 1 when the answer is an
    /// error.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.server.grpc_client(self.timeout)?;
        let json = payload::MESSAGE.read(&self.message)?;
        let message = from_json(&self.call.request(), &json, Unknown::Refused).map_err(|invalid| wrong(&invalid))?;
        let path: PathAndQuery = self.call.path().parse().map_err(|_| Failure::failed("the method has no path"))?;
        let answer = client.call(path, message, self.timeout).await?;
        let answer = DynamicMessage::decode(self.call.response(), answer)
            .map_err(|error| Failure::failed(format!("the answer cannot be read: {error}")))?;
        output::print(&visible(&String::from_utf8_lossy(&to_json(&answer))))
    }
}

/// What is wrong with the message: `body` is all of it.
fn wrong(invalid: &Invalid) -> Failure {
    Failure::usage(match invalid.field.as_ref() {
        "body" => format!("the message {}", invalid.message),
        _ => format!("the message's {invalid}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_may_be_spelled_in_many_ways_and_without_pre() {
        let table = [
            ("add_node", "pre-add-node"),
            ("add-node", "pre-add-node"),
            ("AddNode", "pre-add-node"),
            ("addNode", "pre-add-node"),
            ("pre_add_node", "pre-add-node"),
            ("PreAddNode", "pre-add-node"),
            ("post_add_node", "post-add-node"),
            ("PostDeleteCluster", "post-delete-cluster"),
            ("create_cluster", "pre-create-cluster"),
            ("remove-node", "pre-remove-node"),
        ];
        for (text, name) in table {
            assert_eq!(method(text).map(|call| call.hook.name), Ok(name), "{text}");
        }
        for wrong in ["", "add", "addnode", "add_nodes", "Post", "pre_", "ADD_NODE", "node"] {
            assert!(method(wrong).is_err_and(|error| error.contains("pre_add_node")), "{wrong}");
        }
    }
}
