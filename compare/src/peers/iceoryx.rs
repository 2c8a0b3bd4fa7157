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
pub struct End<P> {
    port: P,
    _service: PortFactory<ipc::Service, u64, ()>,
    _node: Node<ipc::Service>,
}

pub type Sending = End<Publisher<ipc::Service, u64, ()>>;
pub type Receiving = End<Subscriber<ipc::Service, u64, ()>>;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn service(name: &str) -> Outcome<(Node<ipc::Service>, PortFactory<ipc::Service, u64, ()>)> {
    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node
        .service_builder(&name.try_into()?)
        .publish_subscribe::<u64>()
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(BUFFER)
        .open_or_create()?;
    Ok((node, service))
}

pub fn sending(name: &str) -> Sending {
    let open = || -> Outcome<_> {
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
    };
    open().expect("a publisher")
}

pub fn receiving(name: &str) -> Receiving {
    let open = || -> Outcome<_> {
        let (node, service) = service(name)?;
        let port = service.subscriber_builder().buffer_size(BUFFER).create()?;
        Ok(End {
            port,
            _service: service,
            _node: node,
        })
    };
    open().expect("a subscriber")
}

impl Transmit<u64> for Sending {
    fn push(&mut self, from: &u64) -> bool {
        let sample = self.port.loan_uninit().expect("a sample");
        sample.write_payload(*from).send().expect("a subscriber") == 1
    }
}

impl Receive<u64> for Receiving {
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
