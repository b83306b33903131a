//! What the lobby hands to a connection, as an [`Outlet`]: each fact is encoded, put where it waits for its turn, and
//! written if the socket takes it. This file knows nothing of what the client sends.

use std::sync::Arc;

use hobnob_protocol::codec;
use hobnob_protocol::message::{
    Introduction, NotJoinedCode, OperatorRow, RestraintRow, RoomSummary, ServerMessage,
};
use hobnob_protocol::room::RoomName;
use tokio::io::{AsyncRead, AsyncWrite};

use super::outgoing::PartedAnswer;
use super::rooms::Asked;
use super::{Connection, encode};
use crate::decide::roster::Present;
use crate::decide::{RoomId, RoomView};
use crate::lobby::{Admitted, Chunk, Ending, News, Outlet};

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Outlet for Connection<S> {
    fn let_in(&self, admitted: Admitted) {
        let mut inner = self.lock();
        inner.admitted = Some(Box::new(admitted));
        inner.waker.wake_by_ref();
    }

    fn said(&self, chunk: &Chunk) {
        if self.lock().said(chunk) {
            let messages = chunk.last().0 + 1 - chunk.first().0;
            self.metrics.written_through(messages, encode::chunk_line(chunk).len());
        }
    }

    fn send(&self) {
        self.lock().send();
    }

    fn tell(&self, fact: &ServerMessage) {
        let line = codec::encode(fact);
        self.change(|inner| inner.outgoing.push(line));
    }

    fn presence(&self, news: &News, from: usize) {
        let lines = encode::presence(news, from);
        if lines.is_empty() {
            return;
        }
        self.change(|inner| {
            inner.outgoing.push_presence(news.room(), &lines);
            Ok(())
        });
    }

    fn rooms(&self, request: u32, rooms: Arc<[RoomSummary]>) {
        self.answer(PartedAnswer::Rooms { request, rooms, next: 0 });
    }

    fn bans(&self, request: u32, bans: Vec<RestraintRow>) {
        self.answer(PartedAnswer::Bans { request, bans: bans.into() });
    }

    fn mutes(&self, request: u32, mutes: Vec<RestraintRow>) {
        self.answer(PartedAnswer::Mutes { request, mutes: mutes.into() });
    }

    fn ops(&self, request: u32, ops: Vec<OperatorRow>) {
        self.answer(PartedAnswer::Ops { request, ops: ops.into() });
    }

    fn in_room(&self, view: RoomView) {
        let mut inner = self.lock();
        if let Some(rooms) = &mut inner.rooms {
            rooms.let_in(view);
        }
        inner.waker.wake_by_ref();
    }

    fn not_in_room(&self, room: &RoomName, code: NotJoinedCode) {
        self.change(|inner| {
            let asked = inner.rooms.as_mut().and_then(|rooms| rooms.take_asked(room));
            let Some(Asked { room, request, .. }) = asked else { return Ok(()) };
            inner.outgoing.push(codec::encode(&ServerMessage::NotJoined { request, room, code }))
        });
    }

    fn left_room(&self, room: &RoomId) {
        if let Some(rooms) = &mut self.lock().rooms {
            rooms.left(room);
        }
    }

    fn users(&self, request: u32, present: Present) {
        self.answer(PartedAnswer::Users { request, present, next: 0 });
    }

    fn introduce(&self, introduction: Introduction) -> Option<u64> {
        let line = codec::encode(&ServerMessage::Introduced(introduction));
        self.change(|inner| Ok(inner.outgoing.push_introduction(line))).flatten()
    }

    fn ask(&self, question: &ServerMessage) -> bool {
        let line = codec::encode(question);
        self.change(|inner| Ok(inner.outgoing.push_of_another(line))).unwrap_or_default()
    }

    fn probe(&self) {
        self.change(|inner| {
            if !inner.probed {
                inner.probed = true;
                inner.outgoing.push_probe();
            }
            Ok(())
        });
    }

    fn end(&self, ending: Ending) {
        self.finish_with(ending);
    }
}
