//! What a Rust client program sees of sessions, operations and shared memory.

mod support;

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;

use support::{ALIAS, CONVERSE, DESCRIBE, DIE, FLIP, INCREMENT, NOTHING, SHORT, UUID, WAIT, World};
use tee_client::{
    Context, Direction, Login, NO_PARAMS, Origin, Outcome, Param, Session, TeeResult, Uuid,
};

fn open(world: &World) -> (Context, Session) {
    let context = Context::connect(&world.socket()).unwrap();
    let uuid = UUID.parse().unwrap();
    let (outcome, session) = context.open_session(uuid, Login::PUBLIC, 0, &NO_PARAMS);
    assert_eq!(outcome.result, TeeResult::SUCCESS);
    (context, session.unwrap())
}

fn value(a: u32, b: u32) -> Param<'static> {
    Param::Value {
        direction: Direction::Inout,
        a,
        b,
    }
}

#[test]
fn values_go_there_and_come_back() {
    let world = World::start();
    let (_context, session) = open(&world);
    let params = [
        value(42, 1),
        Param::None,
        Param::None,
        value(u32::MAX - 1, 0),
    ];
    let outcome = session.invoke(INCREMENT, &params);
    assert_eq!(outcome.result, TeeResult::SUCCESS);
    assert_eq!(outcome.origin, Origin::TrustedApp);
    assert_eq!(
        outcome.params,
        [(43, 2), (0, 0), (0, 0), (u64::from(u32::MAX), 1)]
    );
    session.close();
}

#[test]
fn parameters_of_open_reach_the_ta_and_its_refusal_the_client() {
    let world = World::start();
    let context = Context::connect(&world.socket()).unwrap();
    let uuid = UUID.parse().unwrap();
    let params = [value(99, 0), Param::None, Param::None, Param::None];
    let (outcome, session) = context.open_session(uuid, Login::PUBLIC, 0, &params);
    assert!(session.is_none());
    assert_eq!(outcome.result, TeeResult::ERROR_ACCESS_DENIED);
    assert_eq!(outcome.origin, Origin::TrustedApp);
    assert_eq!(outcome.params[0], (100, 1));
}

#[test]
fn a_missing_ta_is_not_found() {
    let world = World::start();
    let context = Context::connect(&world.socket()).unwrap();
    let (outcome, session) = context.open_session(Uuid::NIL, Login::PUBLIC, 0, &NO_PARAMS);
    assert!(session.is_none());
    assert_eq!(outcome.result, TeeResult::ERROR_ITEM_NOT_FOUND);
    assert_eq!(outcome.origin, Origin::Tee);
}

#[test]
fn temporary_buffers_are_copied_by_direction() {
    let world = World::start();
    let (_context, session) = open(&world);
    for size in [1, 17, 4096, 70_000, 5 << 20] {
        let mut both = vec![0x0f; size];
        let mut out = vec![0xf0; 3];
        let input = vec![0x11; size];
        let given = &input[..];
        let (both_cell, out_cell) = (RefCell::new(&mut both[..]), RefCell::new(&mut out[..]));
        let params = [
            temp(Direction::Inout, &both_cell),
            temp(Direction::Output, &out_cell),
            temp(Direction::Input, &given),
            Param::None,
        ];
        let outcome = session.invoke(FLIP, &params);
        assert_eq!(outcome.result, TeeResult::SUCCESS, "{size}");
        assert_eq!(outcome.params[0].1, size as u64);
        assert!(both.iter().all(|byte| *byte == 0xf0));
        assert_eq!(out, [0x0f; 3]);
        assert!(input.iter().all(|byte| *byte == 0x11));
    }
}

fn temp(direction: Direction, buffer: &dyn tee_client::Buffer) -> Param<'_> {
    Param::Temp { direction, buffer }
}

#[test]
fn an_output_that_the_ta_leaves_alone_keeps_its_content() {
    let world = World::start();
    let (_context, session) = open(&world);
    let mut out = *b"precious";
    let cell = RefCell::new(&mut out[..]);
    let params = [
        temp(Direction::Output, &cell),
        Param::None,
        Param::None,
        Param::None,
    ];
    assert_eq!(session.invoke(NOTHING, &params).result, TeeResult::SUCCESS);
    assert_eq!(&out, b"precious");
}

#[test]
fn a_short_buffer_tells_the_size_that_is_needed() {
    let world = World::start();
    let (_context, session) = open(&world);
    let mut out = [0; 10];
    let cell = RefCell::new(&mut out[..]);
    let null = Param::Null {
        direction: Direction::Output,
    };
    let params = [
        temp(Direction::Output, &cell),
        null,
        Param::None,
        Param::None,
    ];
    let outcome = session.invoke(SHORT, &params);
    assert_eq!(outcome.result, TeeResult::ERROR_SHORT_BUFFER);
    assert_eq!((outcome.params[0].1, outcome.params[1].1), (100, 100));
}

fn describe(session: &Session, param: Param<'_>) -> Outcome {
    session.invoke(DESCRIBE, &[param, value(0, 0), Param::None, Param::None])
}

#[test]
fn buffers_keep_their_offset_in_the_page_and_null_stays_null() {
    let world = World::start();
    let (context, session) = open(&world);
    let memory = vec![0u8; 10_000];
    for start in [0, 1, 4095] {
        for size in [0, 1, 4097] {
            let slice = &memory[start..start + size];
            let seen = describe(&session, temp(Direction::Input, &slice)).params[1];
            assert_eq!(seen, ((slice.as_ptr().addr() % 4096) as u64, size as u64));
        }
    }
    let null = Param::Null {
        direction: Direction::Input,
    };
    assert_eq!(describe(&session, null).params[1], (0xffff, 0));
    let shared = context.allocate(10_000).unwrap();
    let part = Param::Shared {
        direction: Direction::Inout,
        memory: &shared,
        offset: 4100,
        size: 5900,
    };
    assert_eq!(describe(&session, part).params[1], (4, 5900));
}

#[test]
fn allocated_memory_is_the_same_memory_for_client_and_ta() {
    let world = World::start();
    let (context, session) = open(&world);
    let memory = context.allocate(2).unwrap();
    let mapping = memory.mapping().unwrap();
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let whole = Param::Shared {
                direction: Direction::Inout,
                memory: &memory,
                offset: 0,
                size: 2,
            };
            session.invoke(CONVERSE, &[whole, Param::None, Param::None, Param::None])
        });
        assert!(mapping.write(0, &[1]));
        assert_eq!(call.join().unwrap().result, TeeResult::SUCCESS);
    });
    let mut seen = [0; 2];
    assert!(mapping.read(0, &mut seen));
    assert_eq!(seen, [1, 2]);
}

#[test]
fn buffers_that_overlap_in_the_client_overlap_for_the_ta() {
    let world = World::start();
    let (_context, session) = open(&world);
    let mut bytes = [0; 16];
    let cell = RefCell::new(&mut bytes[..]);
    let params = [
        temp(Direction::Inout, &cell),
        temp(Direction::Inout, &cell),
        Param::None,
        Param::None,
    ];
    assert_eq!(session.invoke(ALIAS, &params).result, TeeResult::SUCCESS);
    assert_eq!(bytes[..2], [7, 7]);
}

#[test]
fn parts_outside_the_memory_and_memory_of_others_are_refused() {
    let world = World::start();
    let (context, session) = open(&world);
    let (other, _other_session) = open(&world);
    let memory = context.allocate(100).unwrap();
    let foreign = other.allocate(100).unwrap();
    for (memory, offset, size) in [
        (&memory, 0, 101),
        (&memory, 100, 1),
        (&memory, u64::MAX, 2),
        (&foreign, 0, 1),
    ] {
        let part = Param::Shared {
            direction: Direction::Input,
            memory,
            offset,
            size,
        };
        let outcome = session.invoke(NOTHING, &[part, Param::None, Param::None, Param::None]);
        assert_eq!(outcome.result, TeeResult::ERROR_BAD_PARAMETERS);
        assert_eq!(outcome.origin, Origin::Comms);
    }
}

#[test]
fn released_memory_makes_room_for_more() {
    let world = World::start();
    let (context, session) = open(&world);
    for round in 0..3000 {
        let memory = context.allocate(10).unwrap();
        let whole = Param::Shared {
            direction: Direction::Inout,
            memory: &memory,
            offset: 0,
            size: 10,
        };
        let outcome = session.invoke(FLIP, &[whole, Param::None, Param::None, Param::None]);
        assert_eq!(outcome.result, TeeResult::SUCCESS, "round {round}");
    }
}

#[test]
fn a_dead_ta_stays_dead_and_the_next_session_lives() {
    let world = World::start();
    let (context, session) = open(&world);
    for _ in 0..2 {
        let outcome = session.invoke(DIE, &NO_PARAMS);
        assert_eq!(outcome.result, TeeResult::ERROR_TARGET_DEAD);
        assert_eq!(outcome.origin, Origin::Tee);
    }
    session.close();
    let uuid = UUID.parse().unwrap();
    let (outcome, session) = context.open_session(uuid, Login::PUBLIC, 0, &NO_PARAMS);
    assert_eq!(outcome.result, TeeResult::SUCCESS);
    assert_eq!(
        session.unwrap().invoke(NOTHING, &NO_PARAMS).result,
        TeeResult::SUCCESS
    );
}

#[test]
fn a_cancellation_from_another_thread_ends_a_wait() {
    let world = World::start();
    let (_context, session) = open(&world);
    thread::scope(|scope| {
        let call = scope.spawn(|| session.invoke(WAIT, &NO_PARAMS));
        session.request_cancellation();
        assert_eq!(call.join().unwrap().result, TeeResult::ERROR_CANCEL);
    });
    assert_eq!(
        session.invoke(NOTHING, &NO_PARAMS).result,
        TeeResult::SUCCESS
    );
}

#[test]
fn threads_take_turns_on_a_session() {
    let world = World::start();
    let (context, session) = open(&world);
    let (context, session) = (Arc::new(context), Arc::new(session));
    let threads: Vec<_> = (0..8u32)
        .map(|thread| {
            let (context, session) = (Arc::clone(&context), Arc::clone(&session));
            thread::spawn(move || {
                let memory = context.allocate(1).unwrap();
                for round in 0..500 {
                    let whole = Param::Shared {
                        direction: Direction::Inout,
                        memory: &memory,
                        offset: 0,
                        size: 1,
                    };
                    let params = [value(thread, round), whole, Param::None, Param::None];
                    let outcome = session.invoke(INCREMENT, &params);
                    assert_eq!(outcome.params[0], ((thread + 1).into(), (round + 1).into()));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
