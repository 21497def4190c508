//! A disk that is full, and then is not: a small one of its own, in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bad_input::{check_problem, whole};
use crate::binary::{Serving, nyala};
use crate::house::{check_database, within};
use crate::receiver::Receiver;
use nyala::clock::{Clock, SystemClock};

/// Ways into a namespace in which something may be mounted: as root, and as anybody.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];

/// Mounts a small disk at its first argument, and becomes the rest of them.
const ON_A_SMALL_DISK: &str = "mount -t tmpfs -o size=8m nyala \"$0\" && exec \"$@\"";

/// Where a container has a disk in memory that is small enough to be filled.
const SHARED_MEMORY: &str = "/dev/shm";

/// More than this is not taken from a machine.
const SMALL: u64 = 256 << 20;

/// A server whose database is on a disk that can be filled.
struct OnSmallDisk {
    serving: Serving,
    client: Client,
    /// The folder of the database, as it can be reached from here.
    folder: PathBuf,
    _folder: TempDir,
}

/// Mounts a disk if that is allowed here; takes one that is there otherwise.
fn start() -> Option<OnSmallDisk> {
    let client = Client::builder().no_proxy().build().expect("a client");
    let (elsewhere, args) = (TempDir::new().expect("a folder"), ["serve", "--listen", "127.0.0.1:0"]);
    let more = ["--allow-network", "loopback", "--log-level", "error", "--database"];
    let flags = [args.as_slice(), &more].concat();
    let mount = |namespace: &[&str], program: &Path| {
        let mut command = Command::new("unshare");
        command.args(namespace).args(["sh", "-c", ON_A_SMALL_DISK]).arg(elsewhere.path()).arg(program);
        command
    };
    let allowed =
        |namespace: &&&[&str]| mount(namespace, Path::new("true")).output().is_ok_and(|it| it.status.success());
    if let Some(namespace) = NAMESPACES.iter().find(allowed) {
        let mut command = mount(namespace, Path::new(env!("CARGO_BIN_EXE_nyala")));
        let serving = Serving::start(command.args(&flags).arg(elsewhere.path().join("nyala.db")));
        let inside = elsewhere.path().strip_prefix("/").expect("an absolute path");
        let folder = Path::new("/proc").join(serving.pid().to_string()).join("root").join(inside);
        return Some(OnSmallDisk { serving, client, folder, _folder: elsewhere });
    }
    let disk = rustix::fs::statvfs(SHARED_MEMORY).ok()?;
    if disk.f_bavail * disk.f_frsize > SMALL {
        return None;
    }
    let folder = TempDir::new_in(SHARED_MEMORY).ok()?;
    let database = folder.path().join("nyala.db");
    let serving = Serving::start(nyala(folder.path(), &flags).arg(database));
    Some(OnSmallDisk { serving, client, folder: folder.path().to_owned(), _folder: folder })
}

/// Fills what is left of the disk, to the byte.
fn fill(ballast: &Path) {
    let mut file = File::create(ballast).expect("a file");
    for size in [64 << 10, 1 << 10, 1] {
        let block = vec![0; size];
        let full = std::iter::repeat_with(|| file.write_all(&block)).find_map(Result::err);
        assert_eq!(full.map(|error| error.kind()), Some(ErrorKind::StorageFull));
    }
}

impl OnSmallDisk {
    async fn post(&self, path: &str, body: String) -> Response {
        let request =
            Client::builder().no_proxy().build().expect("a client").post(format!("{}{path}", self.serving.url));
        let request = request.header("content-type", "application/json").body(body);
        within("an answer", request.send()).await.expect("an answer")
    }

    /// Publishes until so many were acknowledged, or refused; answers which were
    /// acknowledged.
    async fn publish(&self, from: u64, acknowledged: usize, refused: usize) -> Vec<u64> {
        let (mut kept, mut refusals) = (vec![], 0);
        for n in from.. {
            if kept.len() >= acknowledged || refusals >= refused {
                break;
            }
            let body = json!({"n": n, "filling": "x".repeat(10_000)}).to_string();
            let response = self.post("/api/hooks/publish/E", body).await;
            if response.status() == 200 {
                kept.push(n);
                continue;
            }
            assert_eq!(response.headers()["retry-after"], "30");
            check_problem(response, whole(503, "make room on the disk"), "a publish").await;
            refusals += 1;
        }
        kept
    }

    /// Whether every outcome is on record.
    async fn nothing_is_leased(&self) -> bool {
        let list = format!("{}/api/v1/deliveries?state=leased", self.serving.url);
        let response = within("an answer", self.client.get(list).send()).await.expect("an answer");
        let page: Value = response.json().await.expect("JSON");
        page["items"] == json!([])
    }
}

#[tokio::test]
async fn a_disk_that_is_full_costs_publishers_patience_and_no_event() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some(disk) = start() else {
        let why = "no small disk can be mounted here, and /dev/shm is too large to be filled";
        assert!(std::env::var_os("NYALA_TEST_ALL").is_none(), "{why}: allow `unshare --mount` or user namespaces");
        eprintln!("SKIPPED a_disk_that_is_full_costs_publishers_patience_and_no_event: {why}");
        return;
    };
    let receiver = Receiver::new().await;
    let hook = json!({"url": receiver.url("/cb"), "event": "*"});
    assert_eq!(disk.post("/api/hooks", hook.to_string()).await.status(), 201);

    let ballast = disk.folder.join("ballast");

    let mut acknowledged = disk.publish(0, 20, 1).await;
    fill(&ballast);
    acknowledged.extend(disk.publish(1000, 1000, 10).await);
    std::fs::remove_file(&ballast).expect("room");
    acknowledged.extend(disk.publish(2000, 20, 1000).await);

    let mut arrived = BTreeMap::<u64, usize>::new();
    for request in receiver.wait_for(acknowledged.len()).await {
        let body: Value = serde_json::from_str(request.text()).expect("JSON");
        *arrived.entry(body["n"].as_u64().expect("a number")).or_default() += 1;
    }
    let each_once: BTreeMap<_, _> = acknowledged.iter().map(|&n| (n, 1)).collect();
    assert_eq!(arrived, each_once, "what was acknowledged came, and nothing that was refused");
    within("every outcome on record", async { while !disk.nothing_is_leased().await {} }).await;
    let copy = TempDir::new().expect("a folder");
    for file in ["nyala.db", "nyala.db-wal"] {
        std::fs::copy(disk.folder.join(file), copy.path().join(file)).expect("a copy");
    }
    check_database(&copy.path().join("nyala.db"), SystemClock::default().now());
    assert!(disk.serving.stop().0.success());
}
