#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers as the supervisor of a K3s 1.36.3 did when a node joined, and as worse ones might. Signs with the lab's authorities.

supervisor.py --port N --tls PREFIX --server-ca PREFIX --client-ca PREFIX --password WORD --api-port N --state DIR [--evil HOW] [--proxy PATH]

PREFIX is a path to which .crt and .key are added. With --evil: shared-key (a private key beside the certificate), other-key (a certificate
for another key), other-name (for another node), expired, other-ca (/cacerts is of somebody else), refuse (500 for all).
What was asked is a line in STATE/log. With --proxy it is also the HTTP proxy, at a Unix socket, through which K3s' API server reaches a node's
kubelet API (an egress selector): by the tunnel that the node has opened, as remotedialer speaks it."""
import argparse
import base64
import hashlib
import http.server
import json
import os
import select
import socketserver
import ssl
import struct
import subprocess
import tempfile
import threading
import time

ARGS = None


def authorities():
    prefix = ARGS.client_ca if ARGS.evil == "other-ca" else ARGS.server_ca
    with open(prefix + ".crt", "rb") as f:
        return f.read()


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


def new_key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def sign(request, name, ips, serving):
    """The subject and the names are the supervisor's; of the request only the key counts."""
    ca = ARGS.server_ca if serving else ARGS.client_ca
    if ARGS.evil == "other-name":
        name = "somebody-else"
    with tempfile.TemporaryDirectory() as tmp:
        public = os.path.join(tmp, "public.pem")
        leaf = os.path.join(tmp, "leaf.crt")
        key = os.path.join(tmp, "own.key")
        extensions = os.path.join(tmp, "extensions")
        new_key(key)
        if request is None or ARGS.evil == "other-key":
            with open(public, "wb") as f:
                f.write(openssl("pkey", "-in", key, "-pubout"))
        else:
            with open(public, "wb") as f:
                f.write(openssl("req", "-inform", "DER", "-pubkey", "-noout", data=request))
        with open(extensions, "w") as f:
            f.write("keyUsage=critical,digitalSignature,keyEncipherment\n")
            f.write("extendedKeyUsage=%s\n" % ("serverAuth" if serving else "clientAuth"))
            if serving:
                names = ["DNS:" + name, "DNS:localhost", "IP:127.0.0.1"] + ["IP:" + ip for ip in ips if ip != "127.0.0.1"]
                f.write("subjectAltName=%s\n" % ",".join(names))
        subject = "/CN=" + name if serving else "/O=system:nodes/CN=system:node:" + name
        draft = openssl("req", "-new", "-key", key, "-subj", subject)
        words = ["x509", "-req", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-force_pubkey", public, "-extfile", extensions,
                 "-set_serial", str(int.from_bytes(os.urandom(15), "big")), "-out", leaf]
        words += ["-days", "-1"] if ARGS.evil == "expired" else ["-days", str(ARGS.days)]
        openssl(*words, data=draft)
        with open(leaf, "rb") as f:
            answer = f.read()
        with open(ca + ".crt", "rb") as f:
            answer += f.read()
        if request is None or ARGS.evil == "shared-key":
            with open(key, "rb") as f:
                answer += f.read()
        return answer


# ---- the tunnel ----

CONNECT, DATA, ERROR, PAUSE, RESUME = 2, 1, 3, 6, 7
TUNNELS = {}  # by the node's name


def varint(number):
    """As Go's encoding/binary has them."""
    value = (number << 1) ^ (number >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def take_varint(data):
    value = shift = 0
    for at, byte in enumerate(data):
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), data[at + 1:]
    raise ValueError("a number without an end")


class Tunnel:
    """The server's side of a node's WebSocket. One thread reads, many write: a TLS connection is one thing, so both under a lock."""

    def __init__(self, connection):
        self.connection = connection
        self.lock = threading.Lock()
        self.links = {}  # by number: the socket of who came through the proxy, and whether the node wants more
        self.last = 0
        self.input = b""
        self.reads = False  # senders let the reader go first: it may have a PAUSE for them

    def send(self, kind, link, body=b""):
        head = varint(self.last) + varint(link) + varint(kind) + (varint(15000) if kind in (DATA, CONNECT) else b"")
        self.send_frame(2, head + body)

    def send_frame(self, opcode, payload):
        n = len(payload)
        head = bytes([0x80 | opcode])
        head += bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n) if n < 65536 else b"\x7f" + struct.pack(">Q", n)
        while self.reads:
            time.sleep(0.001)
        with self.lock:
            self.connection.sendall(head + payload)

    def read(self, n):
        while len(self.input) < n:
            if not self.connection.pending():
                select.select([self.connection], [], [], 60)
            self.reads = True
            with self.lock:
                self.connection.setblocking(False)
                try:
                    more = self.connection.recv(65536)
                except ssl.SSLWantReadError:
                    continue
                finally:
                    self.connection.setblocking(True)
                    self.reads = False
            if not more:
                raise ConnectionError
            self.input += more
        taken, self.input = self.input[:n], self.input[n:]
        return taken

    def read_frame(self):
        first, second = self.read(2)
        if not second & 0x80:
            raise ValueError("a client's frame without a mask")
        n = second & 0x7F
        if n == 126:
            n = struct.unpack(">H", self.read(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.read(8))[0]
        mask = self.read(4)
        key = mask * (n // 4 + 1)
        payload = self.read(n)
        return first & 0xF, (int.from_bytes(payload, "big") ^ int.from_bytes(key[:n], "big")).to_bytes(n, "big")

    def serve(self):
        while True:
            opcode, payload = self.read_frame()
            if opcode == 9:
                self.send_frame(10, payload)
            elif opcode == 8:
                return
            elif opcode == 2:
                self.on_message(payload)

    def on_message(self, data):
        _, data = take_varint(data)
        number, data = take_varint(data)
        kind, data = take_varint(data)
        link = self.links.get(number)
        if link is None:
            return
        if kind == DATA:
            link[0].sendall(take_varint(data)[1])
        elif kind == ERROR:
            link[1].set()
            link[0].close_soon()
        elif kind == PAUSE:
            link[1].clear()
        elif kind == RESUME:
            link[1].set()

    def open(self, sink, address):
        with self.lock:
            self.last += 1
            number = self.last
        more = threading.Event()
        more.set()
        self.links[number] = (sink, more)
        self.send(CONNECT, number, b"tcp/" + address.encode())
        return number, more


class Sink:
    def __init__(self, sock):
        self.sock = sock

    def sendall(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def close_soon(self):
        try:
            self.sock.shutdown(2)
        except OSError:
            pass


class Proxy(http.server.BaseHTTPRequestHandler):
    """CONNECT ADDRESS:PORT, whatever the address: there is one node. It is reached at its own loopback."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        self.close_connection = True
        tunnel = next(iter(TUNNELS.values()), None)
        if tunnel is None:
            self.send_error(502, "no node has opened a tunnel")
            return
        with open(os.path.join(ARGS.state, "log"), "a") as f:
            f.write("CONNECT %s\n" % self.path)
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        number, more = tunnel.open(Sink(self.connection), ARGS.connect_to or "127.0.0.1:" + self.path.rsplit(":", 1)[1])
        try:
            while data := self.rfile.read1(32768):
                more.wait()
                tunnel.send(DATA, number, data)
        except OSError:
            pass
        del tunnel.links[number]
        try:
            tunnel.send(ERROR, number, b"EOF")
        except OSError:
            pass


class Supervisor(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="text/plain"):
        with open(os.path.join(ARGS.state, "log"), "a") as f:
            f.write("%s %s %s %d\n" % (self.command, self.path, self.who(), status))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def certificate_name(self):
        certificate = self.connection.getpeercert()
        for entry in (certificate or {}).get("subject", ()):
            for key, value in entry:
                if key == "commonName":
                    return value
        return None

    def who(self):
        words = self.headers.get("Authorization", "").split(" ", 1)
        if words[0] == "Basic":
            return "basic:" + base64.b64decode(words[1]).decode().split(":", 1)[0]
        return (words[0].lower() or "nobody") if words[0] else (self.certificate_name() or "nobody")

    def allowed(self):
        """401 and 403 as K3s gives them."""
        words = self.headers.get("Authorization", "").split(" ", 1)
        if ARGS.evil == "refuse":
            return 500
        if words[0] == "Basic":
            user, _, password = base64.b64decode(words[1]).decode().partition(":")
            if password != ARGS.password:
                return 401
            return 200 if user == "node" else 403
        if words[0]:
            return 401
        name = self.certificate_name()
        if name is None:
            return 401
        return 200 if name == "system:node:" + self.headers.get("k3s-Node-Name", "") or self.command == "GET" else 403

    def known(self, name, word):
        """The first word of a name is the one that counts from then on."""
        path = os.path.join(ARGS.state, name + ".node-password.k3s")
        digest = hashlib.sha256(word.encode()).hexdigest()
        if not os.path.exists(path):
            with open(path, "w") as f:
                f.write(digest)
        with open(path) as f:
            return f.read() == digest

    def serve_tunnel(self):
        self.close_connection = True
        key = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        with open(os.path.join(ARGS.state, "log"), "a") as f:
            f.write("tunnel of %s\n" % self.certificate_name())
        tunnel = TUNNELS[self.certificate_name()] = Tunnel(self.connection)
        try:
            tunnel.serve()
        except OSError:
            pass
        for sink, more in list(tunnel.links.values()):
            more.set()
            sink.close_soon()
        if TUNNELS.get(self.certificate_name()) is tunnel:
            del TUNNELS[self.certificate_name()]

    def do_GET(self):
        if self.path == "/cacerts":
            self.answer(200, authorities())
            return
        if self.path == "/v1-k3s/connect":
            if (self.certificate_name() or "").startswith("system:node:") and self.headers.get("Upgrade") == "websocket":
                self.serve_tunnel()
            else:
                self.answer(401)
            return
        status = self.allowed()
        if status != 200:
            self.answer(status)
        elif self.path == "/v1-k3s/client-ca.crt":
            with open(ARGS.client_ca + ".crt", "rb") as f:
                self.answer(200, f.read())
        elif self.path == "/v1-k3s/config":
            self.answer(200, json.dumps({"HTTPSPort": ARGS.api_port, "SupervisorPort": ARGS.port}).encode(), "application/json")
        else:
            self.answer(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        kinds = {"/v1-k3s/client-kubelet.crt": False, "/v1-k3s/serving-kubelet.crt": True}
        status = self.allowed()
        name, word = self.headers.get("k3s-Node-Name"), self.headers.get("k3s-Node-Password")
        if self.path not in kinds:
            self.answer(404)
        elif status != 200:
            self.answer(status)
        elif not name or not word:
            self.answer(400, b"node name not set")
        elif not self.known(name, word):
            self.answer(403)
        else:
            ips = [ip for ip in self.headers.get("k3s-Node-IP", "").split(",") if ip]
            # to what is not DER it answers with a key of its own
            self.answer(200, sign(body if body[:1] == b"\x30" else None, name, ips, kinds[self.path]))


def main():
    global ARGS
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--days", type=int, default=1)
    for name in ("tls", "server-ca", "client-ca", "password", "state"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--evil", default="")
    parser.add_argument("--proxy")
    parser.add_argument("--connect-to", default="", help="what the node is asked for instead of its kubelet API")
    ARGS = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ARGS.tls + ".crt", ARGS.tls + ".key")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(ARGS.client_ca + ".crt")
    if ARGS.proxy:
        proxy = socketserver.ThreadingUnixStreamServer(ARGS.proxy, Proxy)
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", ARGS.port), Supervisor)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
