//! A real little name server over UDP, that says what it is told to.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::house::within;

/// What the name server says.
#[derive(Debug, Clone)]
pub enum Said {
    /// These addresses, to be believed for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// That it cannot, or that there is no such name.
    Code(ResponseCode),
    /// This address, and not a word about those of the other family.
    Only(IpAddr),
    /// Not a word.
    Nothing,
}

type Script = Arc<dyn Fn(&str, usize) -> Said + Send + Sync>;

/// Addresses that are to be asked for each time.
pub fn now(addresses: &[&str]) -> Said {
    Said::Addresses(addresses.iter().map(|address| address.parse().expect("an address")).collect(), 0)
}

/// The name server; goes away when it is dropped.
pub struct Dns {
    pub address: SocketAddr,
    asked: watch::Receiver<Vec<String>>,
    task: JoinHandle<()>,
}

impl Dns {
    /// Says what `script` says to a name that is asked for the n-th time, from 0 on;
    /// questions for the two families are counted apart.
    pub async fn new(script: impl Fn(&str, usize) -> Said + Send + Sync + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let (tell, asked) = watch::channel(vec![]);
        let task = tokio::spawn(answer(socket, Arc::new(script), tell));
        Self { address, asked, task }
    }

    /// How often the IPv4 addresses of a name were asked for.
    pub fn asked_for(&self, name: &str) -> usize {
        let question = question(name, RecordType::A);
        self.asked.borrow().iter().filter(|asked| **asked == question).count()
    }

    /// Waits until so many names were asked for.
    pub async fn is_asked_for(&self, names: usize) {
        let mut asked = self.asked.clone();
        let enough =
            |all: &Vec<String>| all.iter().map(|asked| asked.split(' ').next()).collect::<HashSet<_>>().len() >= names;
        within(&format!("{names} names"), asked.wait_for(enough)).await.expect("a name server");
    }

    /// Whether anything was asked at all.
    pub fn was_asked(&self) -> bool {
        !self.asked.borrow().is_empty()
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A name as it is counted: in lower case and without the dot at its end.
fn question(name: &str, family: RecordType) -> String {
    format!("{} {family}", name.trim_end_matches('.').to_lowercase())
}

async fn answer(socket: UdpSocket, script: Script, tell: watch::Sender<Vec<String>>) {
    let mut packet = [0; 1500];
    loop {
        let (length, from) = socket.recv_from(&mut packet).await.expect("a packet");
        let asked = Message::from_vec(&packet[..length]).expect("a question");
        let (name, family) = (asked.queries[0].name().to_string(), asked.queries[0].query_type());
        let question = question(&name, family);
        let before = tell.borrow().iter().filter(|other| **other == question).count();
        tell.send_modify(|all| all.push(question));
        if let Some(answer) = said(&asked, &script(name.trim_end_matches('.'), before)) {
            socket.send_to(&answer.to_vec().expect("an answer"), from).await.expect("a packet");
        }
    }
}

fn said(asked: &Message, said: &Said) -> Option<Message> {
    let query = asked.queries[0].clone();
    let of_family = |address: &IpAddr| address.is_ipv4() == (query.query_type() == RecordType::A);
    let answer = |address: IpAddr, ttl| Record::from_rdata(query.name().clone(), ttl, RData::from(address));
    let mut message = Message::response(asked.metadata.id, OpCode::Query);
    message.metadata.recursion_available = true;
    match said {
        Said::Only(address) if of_family(address) => {
            message.add_answer(answer(*address, 0));
        }
        Said::Only(_) | Said::Nothing => return None,
        Said::Code(code) => message.metadata.response_code = *code,
        Said::Addresses(addresses, ttl) => {
            let fitting = addresses.iter().filter(|address| of_family(address));
            message.add_answers(fitting.map(|&address| answer(address, *ttl)));
        }
    }
    message.add_query(query.clone());
    Some(message)
}
