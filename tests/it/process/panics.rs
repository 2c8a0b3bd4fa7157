//! What is said and told of panics in other processes.

use std::io::Read;

use outlive::process::{Builder, JoinError, Panicked};
use outlive::{Pool, Process};

/// What a process wrote to its standard error.
fn said_by(builder: Builder, life: fn(())) -> (Result<(), JoinError>, String) {
    let (mut said, stderr) = std::io::pipe().unwrap();
    let joined = builder.stderr(stderr).spawn(life, ()).unwrap().join();
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    (joined, text)
}

fn panicked<R: std::fmt::Debug>(joined: Result<R, JoinError>) -> Panicked {
    match joined.unwrap_err() {
        JoinError::Panicked(panicked) => panicked,
        other => panic!("{other}"),
    }
}

fn odd(number: u32) -> u32 {
    assert!(number.is_multiple_of(2), "{number} is odd");
    number
}

#[test]
fn a_process_says_what_a_program_says() {
    let builder = Process::builder().env("RUST_BACKTRACE", "0");
    let (joined, said) = said_by(builder, |(): ()| assert_eq!(odd(3), 0));
    assert!(
        said.contains("panics.rs") && said.contains("3 is odd"),
        "{said}"
    );
    assert_eq!(panicked(joined).message(), "3 is odd");
}

#[test]
fn a_task_says_nothing_and_other_threads_what_they_ever_say() {
    let builder = Process::builder().env("RUST_BACKTRACE", "0");
    let (joined, said) = said_by(builder, |(): ()| {
        let pool = Pool::new(1).unwrap();
        let error = pool.apply(odd, 5).unwrap_err().to_string();
        assert!(error.contains("5 is odd"), "{error}");
        let thread = |_: u32| std::thread::spawn(|| odd(7)).join().is_err();
        assert!(pool.apply(thread, 0).unwrap());
        pool.join();
    });
    joined.unwrap();
    assert!(
        said.contains("7 is odd") && !said.contains("5 is odd"),
        "{said}"
    );
}

#[test]
fn a_panic_that_goes_past_the_hook_is_told() {
    let life = |(): ()| {
        // It is forgotten: caught, and not what ends the function.
        let _ = std::panic::catch_unwind(|| odd(9));
        std::panic::set_hook(Box::new(|_| {}));
        panic!("in {}", "silence");
    };
    let process = Process::builder().env("RUST_BACKTRACE", "0");
    let told = panicked(process.spawn::<_, ()>(life, ()).unwrap().join());
    assert!(
        ["in silence", "9 is odd"].contains(&told.message()),
        "{told}"
    );
    let life = |(): ()| std::panic::resume_unwind(Box::new("by hand"));
    let told = panicked(Process::<()>::spawn(life, ()).unwrap().join());
    assert_eq!((told.message(), told.location()), ("by hand", None));
}

#[cfg(feature = "backtrace")]
mod backtraces {
    use super::*;
    use outlive::process::pool::TaskError;

    #[inline(never)]
    fn deep_inside(number: u32) -> u32 {
        odd(number) + 1
    }

    fn names_the_function(told: &Panicked) {
        let backtrace = told.backtrace().expect("asked for");
        let (short, full) = (format!("{backtrace}"), format!("{backtrace:#}"));
        assert!(short.contains("deep_inside"), "{short}");
        assert!(short.contains("panics.rs:"), "{short}");
        assert!(!short.contains("__libc_start"), "{short}");
        assert!(
            full.lines().count() > short.lines().count() && full.contains("0x"),
            "{full}"
        );
    }

    #[test]
    fn addresses_travel_and_get_their_names_here() {
        for method in [
            outlive::process::Method::Server,
            outlive::process::Method::Execute,
        ] {
            let builder = Process::builder().method(method).env("RUST_BACKTRACE", "1");
            let builder = builder.env_remove("RUST_LIB_BACKTRACE");
            let (joined, said) = said_by(builder, |(): ()| assert_eq!(deep_inside(3), 0));
            names_the_function(&panicked(joined));
            // Nobody has waited for names there.
            assert!(
                said.contains("3 is odd") && !said.contains("deep_inside"),
                "{said}"
            );
        }
        let builder = Process::builder().env("RUST_BACKTRACE", "1");
        let (joined, said) = said_by(builder, |(): ()| {
            match Pool::new(1).unwrap().apply(deep_inside, 5).unwrap_err() {
                TaskError::Panicked(told) => names_the_function(&told),
                other => panic!("{other}"),
            }
        });
        joined.unwrap();
        assert_eq!(said, "");
    }

    #[test]
    fn they_come_where_they_are_asked_for() {
        for (panics, libraries, is_there) in [
            (None, None, false),
            (Some("0"), None, false),
            (Some("full"), None, true),
            (Some("1"), Some("0"), false),
            (None, Some("1"), true),
        ] {
            let mut builder = Process::builder();
            for (name, value) in [
                ("RUST_BACKTRACE", panics),
                ("RUST_LIB_BACKTRACE", libraries),
            ] {
                builder = match value {
                    Some(value) => builder.env(name, value),
                    None => builder.env_remove(name),
                };
            }
            let (joined, _) = said_by(builder, |(): ()| assert_eq!(odd(1), 0));
            assert_eq!(panicked(joined).backtrace().is_some(), is_there);
        }
    }

    #[test]
    fn an_endless_recursion_that_panics_has_an_end() {
        fn deeper(depth: u32) -> u32 {
            assert!(depth < 3000, "too deep");
            deeper(depth + 1) + 1
        }
        let builder = Process::builder().env("RUST_BACKTRACE", "1");
        let (joined, _) = said_by(builder, |(): ()| assert_eq!(deeper(0), 0));
        let told = panicked(joined);
        let text = told.backtrace().unwrap().to_string();
        assert!((100..1000).contains(&text.lines().count()), "{text}");
    }
}
