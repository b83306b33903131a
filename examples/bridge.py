#!/usr/bin/env python3
"""A bridge between two rooms: what is said in one is said in the other, with the name of whoever said it.

    examples/bridge.py FILE ROOM ROOM [OPTIONS OF HOBNOB]

FILE keeps how far each room was carried over. A bridge that was away goes on from there, and carries nothing over
twice: a message counts as carried over when the other room's server has acknowledged it."""
import json
import os
import subprocess
import sys

FILE, ROOMS, OPTIONS = sys.argv[1], sys.argv[2:4], sys.argv[4:]


def carried():
    """The number of the last message that was carried over out of each room."""
    try:
        with open(FILE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(places):
    """Writes the file beside the old one and puts it in its place, so that there is never half of one."""
    with open(FILE + ".new", "w", encoding="utf-8") as file:
        json.dump(places, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(FILE + ".new", FILE)


def main():
    places = carried()
    resumed = set(places)
    since = [option for room in ROOMS if room in places for option in ("--since", f"{room}={places[room]}")]
    command = ["hobnob", "--json", "--no-history", *since, *OPTIONS]
    hobnob = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    own, sessions, early = None, {}, []

    def ask(request):
        print(json.dumps(request), file=hobnob.stdin, flush=True)

    def carry(event):
        here, there = ROOMS if event["session"] == sessions[ROOMS[0]] else reversed(ROOMS)
        # What an earlier run of the bridge said comes back as a message. The first run begins with what is new.
        if event["from"] == own or (event["replayed"] and here not in resumed):
            places[here] = event["seq"]
            return keep(places)
        text = f"<{event['from']}> {event['text']}"
        ask({"say": text, "session": sessions[there], "id": {"room": here, "seq": event["seq"]}})

    for room in ROOMS:
        ask({"command": f"join {room}", "id": room})
    for line in hobnob.stdout:
        event = json.loads(line)
        match event:
            case {"event": "welcome", "name": name}:
                own = name
            case {"event": "opened", "session": session, "room": _}:
                # Rooms are joined one after the other.
                sessions[ROOMS[len(sessions)]] = session
                if len(sessions) == len(ROOMS):
                    for message in early:
                        carry(message)
            case {"event": "message", "kind": "room"} if len(sessions) < len(ROOMS):
                early.append(event)
            case {"event": "message", "kind": "room"}:
                carry(event)
            case {"event": "answer", "ok": True, "id": {"room": room, "seq": seq}}:
                places[room] = seq
                keep(places)
            case {"event": "answer", "ok": False, "text": why}:
                sys.exit(f"{sys.argv[0]}: {why}")
    sys.exit(hobnob.wait())


main()
