//! Both ends of an spsc queue in one process, beside a deque.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::spsc::{Consumer, Producer, Spsc};
use outlive::{Error, ErrorKind, Segment};
use outlive_fuzz::fifo::{Input, Item, Model, Queue, Refusal, play};
use outlive_fuzz::limits::SHORT;

#[derive(Debug, Arbitrary)]
enum Own {
    Write { wanted: u8, written: u8, first: u8 },
    Read { wanted: u8, consumed: u8 },
    NewProducer,
    NewConsumer,
}

struct Ends {
    queue: Spsc<Item>,
    /// `None` only while it is exchanged, as is the other end.
    producer: Option<Producer<Item>>,
    consumer: Option<Consumer<Item>>,
}

impl Ends {
    fn producer(&mut self) -> &mut Producer<Item> {
        self.producer.as_mut().expect("not being exchanged")
    }

    fn consumer(&mut self) -> &mut Consumer<Item> {
        self.consumer.as_mut().expect("not being exchanged")
    }
}

impl Queue for Ends {
    type Own = Own;

    fn create(segment: &Segment, capacity: usize) -> Self {
        let queue = Spsc::create(segment, "queue", capacity).expect("room");
        assert!(queue.capacity().is_power_of_two());
        Self {
            producer: Some(queue.producer().expect("free")),
            consumer: Some(queue.consumer().expect("free")),
            queue,
        }
    }

    fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    fn try_put(&mut self, item: Item) -> Result<(), Refusal> {
        Ok(self.producer().try_push(item)?)
    }

    fn put_timed(&mut self, item: Item) -> Result<(), Refusal> {
        Ok(self.producer().push_timeout(item, SHORT)?)
    }

    fn try_get(&mut self) -> Result<Item, Refusal> {
        Ok(self.consumer().try_pop()?)
    }

    fn get_timed(&mut self) -> Result<Item, Refusal> {
        Ok(self.consumer().pop_timeout(SHORT)?)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.queue.close()
    }

    fn count(&self) -> usize {
        self.queue.len()
    }

    fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    fn step(&mut self, step: &Own, model: &mut Model) {
        match step {
            Own::Write {
                wanted,
                written,
                first,
            } => {
                let mut items = Vec::new();
                let put = self.producer().try_write_chunk((*wanted).into());
                let put = put.map_err(Refusal::from).map(|mut chunk| {
                    assert!((1..=usize::from(*wanted).max(1)).contains(&chunk.len()));
                    let count = usize::from(*written) % (chunk.len() + 1);
                    for at in 0..count {
                        let item = [first.wrapping_add(at as u8); 5];
                        chunk.set(at, item);
                        items.push(item);
                    }
                    chunk.commit(count);
                });
                model.put(&items, put);
            }
            Own::Read { wanted, consumed } => {
                match self.consumer().try_read_chunk((*wanted).into()) {
                    Ok(chunk) => {
                        assert!(
                            chunk
                                .iter()
                                .eq(model.items.iter().copied().take(chunk.len()))
                        );
                        let count = usize::from(*consumed) % (chunk.len() + 1);
                        chunk.consume(count);
                        model.items.drain(..count);
                    }
                    Err(error) => model.nothing_got(error.into()),
                }
            }
            Own::NewProducer => {
                let taken = self.queue.producer().err().map(|e| e.kind());
                assert_eq!(taken, Some(ErrorKind::InUse));
                self.producer = None;
                self.producer = Some(self.queue.producer().expect("it was given back"));
            }
            Own::NewConsumer => {
                let taken = self.queue.consumer().err().map(|e| e.kind());
                assert_eq!(taken, Some(ErrorKind::InUse));
                self.consumer = None;
                self.consumer = Some(self.queue.consumer().expect("it was given back"));
            }
        }
    }
}

fuzz_target!(|input: Input<Own>| play::<Ends>(&input));
