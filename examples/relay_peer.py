"""Somebody to talk to through the lobby's server, written from docs/PROTOCOL.md alone, with nothing but Python and openssl.

    python3 relay_peer.py HOST PORT NAME

The program joins the lobby and opens a private session with each user who forks it. It tells no address and dials nobody,
so it meets these users at the relay. It says back what it hears in private. Its key and its certificate are the files me.key
and me.crt in the current folder; the first run makes them.

Of two sides that meet at the relay, the side with the smaller key begins the TLS inside. Python's ssl can begin TLS but
cannot answer it here, because it cannot ask the other side for a certificate that nobody signed. So the program makes keys
until its own key is in the lower half of all keys, and declines users whose keys are smaller still.
"""

import base64, json, os, pathlib, select, socket, ssl, subprocess, sys

PROTOCOL, SPKI = 3, bytes.fromhex("302a300506032b6570032100")  # what stands before an Ed25519 key in a certificate


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def key_in(certificate):
    _, found, rest = certificate.partition(SPKI)
    if not found:
        sys.exit("a certificate without an Ed25519 key")
    return rest[:32]


def own_key():
    """Returns the key of this user, and makes one if there is none."""
    while True:
        if pathlib.Path("me.crt").exists():
            key = key_in(ssl.PEM_cert_to_DER_cert(pathlib.Path("me.crt").read_text()))
            if key[0] < 0x80:
                return key
        make = "openssl req -x509 -newkey ed25519 -nodes -keyout me.key -out me.crt -subj /CN=me -days 3650"
        subprocess.run(make.split(), check=True, stderr=subprocess.DEVNULL)


def context(alpn):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE  # the key of the other side is checked instead
    tls.load_cert_chain("me.crt", "me.key")
    tls.set_alpn_protocols([alpn])
    return tls


class Link:
    """A connection that carries messages over TLS."""

    def __init__(self, stream, alpn, key=None):
        self.tls, self.rest = context(alpn).wrap_socket(stream), b""
        self.key = key_in(self.tls.getpeercert(True))
        if self.tls.selected_alpn_protocol() != alpn or (key and key != self.key):
            sys.exit("that is not who it should be")

    def send(self, **message):
        self.tls.sendall(json.dumps(message).encode() + b"\n")

    def messages(self):
        """Returns the messages that have come by now; None if the other side has closed."""
        chunk = self.tls.recv(65536)
        while self.tls.pending():
            chunk += self.tls.recv(65536)
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines if line] if chunk else None


class Relayed:
    """A connection to the relay: TLS until the server says that the other side is there, and then the bare stream."""

    def __init__(self, address, server_key):
        self.stream = socket.create_connection(address)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context("hobnob-relay/1").wrap_bio(self.incoming, self.outgoing)
        self.patiently(self.tls.do_handshake)
        if key_in(self.tls.getpeercert(True)) != server_key:
            sys.exit("another server answers at the relay's port")

    def exactly(self, count):
        data = b""
        while len(data) < count:
            if not (chunk := self.stream.recv(count - len(data))):
                sys.exit("the relay closed")
            data += chunk
        return data

    def patiently(self, what):
        """Does something with the TLS. It reads one record at a time, because the bytes after the last record belong to the peer."""
        while True:
            try:
                done = what()
                self.stream.sendall(self.outgoing.read())
                return done
            except ssl.SSLWantReadError:
                self.stream.sendall(self.outgoing.read())
                head = self.exactly(5)
                self.incoming.write(head + self.exactly(int.from_bytes(head[3:], "big")))

    def meet(self, session, other):
        """Returns the stream to the other side, or None if the server refuses."""
        asked = json.dumps({"type": "meet", "session": session, "other": other}).encode() + b"\n"
        self.patiently(lambda: self.tls.write(asked))
        rest = b""
        while True:
            rest += self.patiently(lambda: self.tls.read(65536))
            *lines, rest = rest.split(b"\n")
            for answer in map(json.loads, lines):
                print("relay:", answer["type"], answer.get("code", ""), flush=True)
                if answer["type"] == "met":
                    return self.stream
                if answer["type"] == "refused":
                    return None


class Session:
    """A private session over such a stream. This side has the smaller key, so it acts as the side that dials and chooses."""

    def __init__(self, stream, introduction):
        self.name, self.said, self.is_over = introduction["name"], 0, False
        self.link = Link(stream, "hobnob-peer/1", decoded(introduction["key"]))
        self.link.send(type="hello", protocol=PROTOCOL, session=introduction["session"], received=0)

    def take(self):
        for message in self.link.messages() or [{"type": "goodbye"}]:
            if message["type"] == "hello":
                self.link.send(type="chosen")
                print(f"in private with {self.name}", flush=True)
            elif message["type"] == "say":
                print(f"{self.name}:", ascii(message["text"]), flush=True)
                self.said += 1
                self.link.send(type="received", number=message["number"])
                self.link.send(type="say", number=self.said, at=message["at"], text=f"you said: {message['text']}")
            elif message["type"] == "ping":
                self.link.send(type="pong")
            elif message["type"] == "goodbye":
                print(f"no longer with {self.name}", flush=True)
                self.is_over = True


def main():
    address, name = (sys.argv[1], int(sys.argv[2])), sys.argv[3]
    key = own_key()
    lobby = Link(socket.create_connection(address), "hobnob-lobby/1")
    lobby.send(type="hello", protocol=PROTOCOL, name=name, run=encoded(os.urandom(8)))
    sessions = []
    while True:
        links = {lobby.tls: lobby} | {session.link.tls: session for session in sessions}
        for ready in select.select(links, [], [])[0]:
            if isinstance(links[ready], Session):
                links[ready].take()
                continue
            if (messages := lobby.messages()) is None:
                sys.exit("the server closed the link")
            for message in messages:
                if message["type"] == "welcome":
                    print(f"in the lobby as {message['name']}", flush=True)
                elif message["type"] == "ping":
                    lobby.send(type="pong")
                elif message["type"] == "asked":
                    mine = decoded(message["key"]) > key
                    lobby.send(type="consent", ask=message["ask"], answer="open" if mine else "declined")
                elif message["type"] == "introduced":
                    stream = Relayed(address, lobby.key).meet(message["session"], message["key"])
                    if stream:
                        sessions.append(Session(stream, message))
                elif message["type"] in ("refused", "bad", "closing"):
                    sys.exit(str(message))
        sessions = [session for session in sessions if not session.is_over]


if __name__ == "__main__":
    main()
