#!/usr/bin/env python3
"""An echo bot: it repeats in every session what others say there. It passes its options on to hobnob, for example
--server HOST:PORT --name echo."""
import json
import subprocess
import sys

bot = subprocess.Popen(["hobnob", "--json", *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for line in bot.stdout:
    event = json.loads(line)
    if event["event"] == "message" and not event["replayed"]:
        request = {"say": event["text"], "session": event["session"], "id": event.get("seq")}
        print(json.dumps(request), file=bot.stdin, flush=True)
sys.exit(bot.wait())
