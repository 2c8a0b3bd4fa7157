//! A program whose `main` is asynchronous, on several threads.

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let beside = tokio::task::spawn_blocking(outlive_hosts::check);
    outlive_hosts::check();
    beside.await.unwrap();
    // A task of a pool is a future.
    let pool = outlive::Pool::new(2).unwrap();
    let (one, other) = tokio::join!(
        pool.submit(|x: u32| x + 1, 1),
        pool.submit(|x: u32| x + 1, 2)
    );
    assert_eq!((one.unwrap(), other.unwrap()), (2, 3));
}
