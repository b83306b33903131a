#!/usr/bin/env python3
"""A bridge between two rooms: whatever is said in one room is repeated in the other, with the name of its author.

    examples/bridge.py FILE ROOM ROOM [OPTIONS OF HOBNOB]

FILE stores up to which message each room was carried over. When the bridge is started again, it goes on after that
message, and carries no message over twice. A message counts as carried over when the server has acknowledged the copy
in the other room."""
import json
import os
import subprocess
import sys

FILE, ROOMS, OPTIONS = sys.argv[1], sys.argv[2:4], sys.argv[4:]


def carried():
    """Returns for each room the number of its last message that was carried over."""
    try:
        with open(FILE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(places):
    """Writes a new file and then puts it in the place of the old one, so that the file is never incomplete."""
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
        # The copies that an earlier run made also arrive as messages. The first run begins with new messages only.
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
                # The rooms are joined one after the other, so they are opened in the same order.
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
