#!/usr/bin/env python3
"""Holds many connections to a kubelet API, and sees how it answers meanwhile.

usage: connections.py HOST PORT CERT KEY NOBODY_CERT NOBODY_KEY LOG_PATH IDLE SLOW STREAMS SECONDS

CERT may everything, NOBODY_CERT nothing. LOG_PATH is the path of a container's log; the container prints "line N" again and again, N counted from one.
IDLE connections ask for nothing: a quarter each never speaks, speaks only TLS, has asked once as somebody who may nothing, and has asked once with CERT. SLOW ones send the head of a request byte
by byte, half of them with CERT. What the server drops is opened again, ten of those in a second. STREAMS follow the log. Meanwhile /healthz is asked for
SECONDS seconds, over new connections and over one that stays, and before for comparison: how long the same takes when nothing else is open. Prints a line of figures as JSON; what is not answered, or a stream that ends or misses a line, is an error.
"""
import json, os, random, re, resource, selectors, socket, ssl, sys, time

HOST, PORT, CERT, KEY, NOBODY_CERT, NOBODY_KEY, LOG_PATH = sys.argv[1], int(sys.argv[2]), *sys.argv[3:8]
IDLE, SLOW, STREAMS, SECONDS = map(int, sys.argv[8:12])
AGAIN_PER_SECOND, BYTE_SECONDS = 10, 3
HEAD = b"GET /healthz HTTP/1.1\r\nHost: node\r\nX-Slow: " + b"x" * 1000


def context(cert=None, key=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if cert:
        c.load_cert_chain(cert, key)
    return c


KNOWN, NOBODY, STRANGER = context(CERT, KEY), context(NOBODY_CERT, NOBODY_KEY), context()
poll = selectors.DefaultSelector()


class Connection:
    """Goes on whenever its socket can: shakes hands, says what there is to say, and reads what comes."""

    tls, says, drip = None, b"", False

    def __init__(self):
        self.dropped, self.ready, self.sent, self.got = False, self.tls is None, 0, b""
        raw = socket.create_connection((HOST, PORT), timeout=20)  # while one is under way, wrap_socket() may stumble
        raw.setblocking(False)
        self.socket = raw if self.tls is None else self.tls.wrap_socket(raw, do_handshake_on_connect=False)
        poll.register(self.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.tls else 0), self)

    def close(self):
        if self.socket:
            poll.unregister(self.socket)
            self.socket.close()
        self.socket, self.dropped = None, True

    def watch(self, write):
        poll.modify(self.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0), self)

    def go(self):
        try:
            if not self.ready:
                self.socket.do_handshake()
                self.ready = True
                if not self.drip:
                    self.socket.send(self.says) if self.says else None
                self.watch(False)
            while True:
                data = self.socket.recv(16384)
                if not data:
                    return self.close()
                self.take(data)
        except (ssl.SSLWantReadError, BlockingIOError):
            if not self.ready:
                self.watch(False)
        except ssl.SSLWantWriteError:
            self.watch(True)
        except OSError:
            self.close()

    def take(self, data):
        self.got = (self.got + data)[:200]

    def byte(self):
        if self.ready and self.socket and self.sent < len(self.says):
            try:
                self.sent += self.socket.send(self.says[self.sent : self.sent + 1])
            except (ssl.SSLError, BlockingIOError):
                pass
            except OSError:
                self.close()


class Silent(Connection):
    pass


class Quiet(Connection):
    tls = STRANGER


class Refused(Connection):
    tls, says = NOBODY, b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"


class Resting(Refused):
    tls = KNOWN


class Slow(Connection):
    tls, says, drip = STRANGER, HEAD, True


class SlowKnown(Slow):
    tls = KNOWN


class Stream(Connection):
    tls, says = KNOWN, f"GET {LOG_PATH}?follow=true HTTP/1.1\r\nHost: node\r\n\r\n".encode()

    def __init__(self):
        super().__init__()
        self.rest, self.last, self.trouble = b"", 0, None

    def take(self, data):
        super().take(data)
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            n = re.match(rb"line (\d+)$", line)
            if n:
                if int(n[1]) != self.last + 1 and not self.trouble:
                    self.trouble = f"line {int(n[1])} came after line {self.last}"
                self.last = int(n[1])


def run(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for key, _ in poll.select(left):
            key.data.go()


def some(kinds, n, at_a_time=50):
    made = []
    for i in range(n):
        made.append(kinds[i % len(kinds)]())
        if i % at_a_time == at_a_time - 1:
            run(0.02)
    return made


def until(what, condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"after {seconds} s it is not so: {what}")
        run(0.1)


class Asker:
    """Asks in the blocking way; the time of another's socket is not counted."""

    def __init__(self):
        self.socket = None

    def ask(self, kept):
        began = time.monotonic()
        if not self.socket:
            self.socket = KNOWN.wrap_socket(socket.create_connection((HOST, PORT), timeout=20))
        self.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n")
        got = b""
        while b"\r\n\r\nok" not in got:
            data = self.socket.recv(4096)
            if not data:
                raise OSError(f"no answer: {got[:200]!r}")
            got += data
        took = time.monotonic() - began
        if not got.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"not well: {got[:200]!r}")
        if not kept:
            self.socket.close()
            self.socket = None
        return took * 1000


def middle(list_):
    return round(sorted(list_)[len(list_) // 2], 1)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asker, stays = Asker(), Asker()
    before_new, before_kept = [asker.ask(False) for _ in range(20)], [stays.ask(True) for _ in range(20)]
    streams = some([Stream], STREAMS)
    until("all streams are there", lambda: all(s.last > 0 or s.dropped for s in streams), 120)
    for s in streams:
        if s.dropped or b" 200 " not in s.got[:40] and s.last == 0:
            sys.exit(f"a stream was refused: {s.got!r}")
    many = some([Silent, Quiet, Refused, Resting], IDLE) + some([Slow, SlowKnown], SLOW)
    run(2)
    new, kept = [], []
    end = dripped = time.monotonic()
    end += SECONDS
    opened_again, errors, first = 0, [], [s.last for s in streams]
    while time.monotonic() < end:
        second = time.monotonic() + 1
        gone = [i for i, c in enumerate(many) if c.dropped]
        for i in random.sample(gone, min(len(gone), AGAIN_PER_SECOND)):
            many[i] = type(many[i])()
            opened_again += 1
        if time.monotonic() - dripped >= BYTE_SECONDS:
            dripped = time.monotonic()
            for c in many:
                if c.drip:
                    c.byte()
        for list_, who, keep in (new, asker, False), (kept, stays, True):
            try:
                list_.append(who.ask(keep))
            except OSError as e:
                errors.append(str(e))
                who.socket = None
            run(0.2)
        run(max(0, second - time.monotonic()))
    until("each stream has heard more", lambda: all(s.dropped or s.last > n for s, n in zip(streams, first)), 60)
    troubles = [s.trouble for s in streams if s.trouble] + ["a stream has ended" for s in streams if s.dropped]
    figures = {
        "new_p50_ms": middle(new), "new_max_ms": round(max(new), 1), "new_before_ms": middle(before_new),
        "kept_p50_ms": middle(kept), "kept_max_ms": round(max(kept), 1), "kept_before_ms": middle(before_kept),
        "asked": len(new) + len(kept), "open": sum(not c.dropped for c in many), "opened_again": opened_again, "streams": len(streams) - sum(s.dropped for s in streams),
        "lines": min((s.last for s in streams), default=0),
    }
    print(json.dumps(figures), flush=True)
    if errors or troubles:
        sys.exit("; ".join([f"/healthz: {e}" for e in errors[:3]] + troubles[:3]))
    # The agent is looked at while all of this is there.
    sys.stdin.readline()


main()
