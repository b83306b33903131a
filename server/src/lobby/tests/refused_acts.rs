//! What becomes of the others in a batch when an operator's act in it cannot be stored: as if it had never been decided.

use hobnob_protocol::content::{Act, ActKind, ActTarget};
use hobnob_protocol::message::RefusedCode;

use super::*;
use crate::decide::ProposedAct;

/// A lobby with an operator and a user who has said one text, whose log has no permit to store more.
async fn stage() -> (Stage, Guest, Guest) {
    let stage = Stage::new();
    let mut boss = stage.join(1, "boss", 1, 1).await;
    stage.send(LobbyCommand::Operators(vec![PublicKey::new([1; 32]).fingerprint()])).await;
    let mut carl = stage.join(2, "carl", 2, 1).await;
    stage.say(&carl, 1, "hi").await;
    assert_eq!((carl.said().await, boss.said().await), ((1, Seq(1)), (1, Seq(1))));
    stage.log.leave.forget_permits(1000);
    (stage, boss, carl)
}

impl Stage {
    /// Does an act, written as `KIND NAME` or `KIND =TARGET`.
    async fn act(&self, by: &Guest, id: u64, what: &str) {
        let (kind, whom) = what.split_once(' ').unwrap_or((what, ""));
        let target = whom.strip_prefix('=').map(|target| ActTarget::new(target).unwrap());
        let name = (target.is_none() && !whom.is_empty()).then(|| whom.parse().unwrap());
        let act = Act { kind: ActKind::new(kind).unwrap(), name, target, until: None, text: None };
        let proposed = ProposedAct { from: by.id, id, act, lasts: None };
        self.send(LobbyCommand::Act(Box::new(proposed))).await;
    }

    /// Says a text that waits in the log, so that whatever comes now makes one batch.
    async fn hold_up(&self, by: &mut Guest, id: u64) {
        self.say(by, id, "waits").await;
        self.send(LobbyCommand::Users { from: by.id, request: 1, room: None }).await;
        assert!(matches!(by.answer().await, Told::Users(_)));
    }

    async fn bans(&self, by: &mut Guest) -> usize {
        self.send(LobbyCommand::Bans { from: by.id, request: 9 }).await;
        match by.answer().await {
            Told::Line(ServerMessage::Bans { bans, .. }) => bans.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn not_stored(id: u64) -> Told {
    Told::Line(ServerMessage::not_accepted(id, NotAcceptedCode::Store))
}

#[tokio::test(start_paused = true)]
async fn whoever_an_act_that_cannot_be_stored_is_about_is_answered_as_if_it_had_not_come() {
    for what in ["kick carl", "ban carl", "ban =192.0.2.0/24", "mute carl", "lock"] {
        let (stage, mut boss, mut carl) = stage().await;
        stage.hold_up(&mut boss, 1).await;
        stage.act(&boss, 2, what).await;
        stage.say(&carl, 2, "two").await;
        stage.say(&carl, 3, "three").await;
        stage.say(&carl, 1, "hi").await;
        stage.send(LobbyCommand::JoinRoom { from: carl.id, room: "tea".parse().unwrap() }).await;
        let mut newcomer = stage.ask(3, "dora", 3, 1).await;
        stage.log.is(Mood::Refuses);
        stage.log.leave.add_permits(1000);
        assert_eq!([boss.answer().await, boss.answer().await], [not_stored(1), not_stored(2)], "{what}");
        assert_eq!([carl.answer().await, carl.answer().await], [not_stored(2), not_stored(3)], "{what}");
        let rest = [carl.answer().await, carl.answer().await];
        let accepted = Told::Line(ServerMessage::Accepted { id: 1, seq: Seq(1) });
        assert!(rest.contains(&accepted), "{what}: it is stored since long: {rest:?}");
        assert!(rest.iter().any(|told| matches!(told, Told::InRoom(_))), "{what}: {rest:?}");
        assert_eq!(newcomer.welcome().await.name.as_str(), "dora", "{what}");
        assert_eq!(stage.bans(&mut boss).await, 0, "{what}");

        stage.log.is(Mood::Stores);
        stage.say(&carl, 4, "four").await;
        assert_eq!(carl.said().await, (4, Seq(2)), "{what}");
        let names: Vec<_> = stage.log.inner.names().iter().map(|binding| binding.name.to_string()).collect();
        assert!(names.contains(&"dora".to_owned()), "{what}: {names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_act_that_is_being_stored_keeps_nobody_out_until_it_is_stored() {
    for mood in [Mood::Stores, Mood::Refuses] {
        let (stage, mut boss, _carl) = stage().await;
        stage.act(&boss, 1, "ban =192.0.2.0/24").await;
        assert_eq!(stage.bans(&mut boss).await, 0, "nothing is told of it either");
        let mut newcomer = stage.ask(3, "dora", 3, 1).await;
        stage.log.is(mood);
        stage.log.leave.add_permits(1000);
        match newcomer.next().await {
            Told::In(_) => assert_eq!(mood, Mood::Refuses),
            Told::End(Some(ServerMessage::Refused(why))) => {
                assert_eq!((why.code, mood), (RefusedCode::Banned, Mood::Stores));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_came_in_while_an_act_was_being_stored_that_is_taken_back_is_still_here_for_everybody() {
    let (stage, mut boss, mut carl) = stage().await;
    let mut newcomer = stage.ask(3, "dora", 3, 1).await;
    assert_eq!(stage.bans(&mut boss).await, 0, "the answer comes while the newcomer's name is being stored");
    stage.act(&boss, 1, "kick carl").await;
    stage.log.leave.add_permits(1);
    newcomer.welcome().await;
    stage.log.is(Mood::Refuses);
    stage.log.leave.add_permits(1000);
    assert_eq!(boss.answer().await, not_stored(1));
    stage.send(LobbyCommand::Users { from: carl.id, request: 1, room: None }).await;
    assert_eq!(carl.answer().await, Told::Users(3));
}

#[tokio::test(start_paused = true)]
async fn whoever_spoke_after_an_act_of_which_nobody_knows_whether_it_is_stored_says_it_again_on_a_new_link() {
    let (stage, mut boss, mut carl) = stage().await;
    stage.log.is(Mood::Dies);
    stage.act(&boss, 1, "kick carl").await;
    stage.say(&carl, 2, "two").await;
    stage.log.leave.add_permits(1000);
    assert_eq!((boss.answer().await, carl.answer().await), (Told::End(None), Told::End(None)));
    stage.log.is(Mood::Stores);
    stage.send(LobbyCommand::Leave(carl.id)).await;
    let mut again = stage.join(4, "carl", 2, 1).await;
    stage.say(&again, 2, "two").await;
    assert_eq!(again.said().await, (2, Seq(2)));
}
