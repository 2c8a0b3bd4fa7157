//! iceoryx2's publish/subscribe, polled.

use iceoryx2::port::backpressure_strategy::BackpressureStrategy;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use crate::stream::{Receive, Transmit};

/// Samples that a subscriber may lag behind, as many as the queues hold.
const BUFFER: usize = 1024;

/// A service's end, with the node that it lives in.
pub struct End<T: Payload, P> {
    port: P,
    _service: PortFactory<ipc::Service, T, ()>,
    _node: Node<ipc::Service>,
}

pub type Sending<T> = End<T, Publisher<ipc::Service, T, ()>>;
pub type Receiving<T> = End<T, Subscriber<ipc::Service, T, ()>>;

/// What may travel.
pub trait Payload: std::fmt::Debug + ZeroCopySend + Copy + 'static {}
impl<T: std::fmt::Debug + ZeroCopySend + Copy + 'static> Payload for T {}

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

type Service<T> = (Node<ipc::Service>, PortFactory<ipc::Service, T, ()>);

fn service<T: Payload>(name: &str) -> Outcome<Service<T>> {
    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node
        .service_builder(&name.try_into()?)
        .publish_subscribe::<T>()
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(BUFFER)
        .open_or_create()?;
    Ok((node, service))
}

pub fn try_sending<T: Payload>(name: &str) -> Outcome<Sending<T>> {
    let (node, service) = service(name)?;
    let port = service
        .publisher_builder()
        .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
        .create()?;
    Ok(End {
        port,
        _service: service,
        _node: node,
    })
}

pub fn sending(name: &str) -> Sending<u64> {
    try_sending(name).expect("a publisher")
}

pub fn try_receiving<T: Payload>(name: &str) -> Outcome<Receiving<T>> {
    let (node, service) = service(name)?;
    let port = service.subscriber_builder().buffer_size(BUFFER).create()?;
    Ok(End {
        port,
        _service: service,
        _node: node,
    })
}

pub fn receiving(name: &str) -> Receiving<u64> {
    try_receiving(name).expect("a subscriber")
}

impl<T: Payload> Sending<T> {
    /// Whether a subscriber was there to get it.
    pub fn send(&self, item: T) -> Result<bool, String> {
        let sample = self.port.loan_uninit().map_err(|e| e.to_string())?;
        let sent = sample.write_payload(item).send();
        Ok(sent.map_err(|e| e.to_string())? > 0)
    }
}

impl<T: Payload> Receiving<T> {
    pub fn receive(&self) -> Result<Option<T>, String> {
        let sample = self.port.receive().map_err(|e| e.to_string())?;
        Ok(sample.map(|sample| *sample))
    }
}

impl Transmit<u64> for Sending<u64> {
    fn push(&mut self, from: &u64) -> bool {
        let sample = self.port.loan_uninit().expect("a sample");
        sample.write_payload(*from).send().expect("a subscriber") == 1
    }
}

impl Receive<u64> for Receiving<u64> {
    fn pop(&mut self, into: &mut u64) -> bool {
        match self.port.receive().expect("a publisher") {
            Some(sample) => {
                *into = *sample;
                true
            }
            None => false,
        }
    }
}
