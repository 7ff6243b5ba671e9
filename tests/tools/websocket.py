#!/usr/bin/python3
"""A WebSocket client that knows nothing of Kubernetes' libraries, with the identity of KUBECONFIG.

    websocket.py [OPTION]... PATH [SUBPROTOCOL[,SUBPROTOCOL]...]

    --send CHANNEL:TEXT   sends that first; may be repeated
    --stdin               sends standard input on channel 0; with v5 its end, too
    --until TEXT          closes when a channel's output ends so
    --whole               messages have no channels

Prints a line each: the answer's status, the subprotocol, the channel of the first message, what came on each channel as a JSON string (of long ones length and
SHA-256), and the code of the server's close.
"""
import argparse
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def connect():
    config = json.loads(subprocess.check_output(["kubectl", "config", "view", "--raw", "-o", "json"]))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]

    def file_of(where, key):
        if key in where:
            return where[key]
        with tempfile.NamedTemporaryFile(delete=False) as f:
            f.write(base64.b64decode(where[key + "-data"]))
        files.append(f.name)
        return f.name

    files = []
    context = ssl.create_default_context(cafile=file_of(cluster, "certificate-authority"))
    context.load_cert_chain(file_of(user, "client-certificate"), file_of(user, "client-key"))
    for name in files:
        os.unlink(name)
    host, port = cluster["server"].removeprefix("https://").rsplit(":", 1)
    return context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)


class Client:
    def __init__(self, path, protocols):
        self.socket = connect()
        self.lock = threading.Lock()
        self.kept = b""
        key = base64.b64encode(os.urandom(16)).decode()
        head = [f"GET {path} HTTP/1.1", "Host: test", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Key: {key}", "Origin: http://test"]
        if protocols:
            head.append("Sec-WebSocket-Protocol: " + ", ".join(protocols))
        self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.kept:
            self.more()
        text, self.kept = self.kept.split(b"\r\n\r\n", 1)
        lines = text.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        self.protocol = headers.get("sec-websocket-protocol", "")

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.kept += data

    def take(self, n):
        while len(self.kept) < n:
            self.more()
        taken, self.kept = self.kept[:n], self.kept[n:]
        return taken

    def frame(self):
        first, size = self.take(2)
        if size == 126:
            size, = struct.unpack(">H", self.take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(size)

    def send(self, opcode, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack(">BBH", 0x80 | opcode, 0xfe, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0xff, size)
        with self.lock:
            self.socket.sendall(head + bytes(4) + payload)  # a mask of zeros is one, too

    def send_on(self, channel, data):
        if "base64" in self.protocol:
            self.send(TEXT, str(channel).encode() + base64.b64encode(data))
        else:
            self.send(BINARY, bytes([channel]) + data)

    def send_stdin(self):
        while data := sys.stdin.buffer.read1(50000):
            self.send_on(0, data)
        if self.protocol.startswith("v5."):
            self.send(BINARY, b"\xff\0")


def shown(data):
    if len(data) > 1000:
        return f"{len(data)} bytes {hashlib.sha256(data).hexdigest()}"
    return json.dumps(data.decode(errors="replace"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--send", action="append", default=[])
    parser.add_argument("--stdin", action="store_true")
    parser.add_argument("--until")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("path")
    parser.add_argument("protocols", nargs="?", default="")
    args = parser.parse_args()
    client = Client(args.path, args.protocols.split(",") if args.protocols else [])
    print("status", client.status)
    if client.status != 101:
        return
    print("protocol", client.protocol)
    for what in args.send:
        channel, text = what.split(":", 1)
        client.send_on(int(channel), text.encode())
    if args.stdin:
        threading.Thread(target=client.send_stdin, daemon=True).start()
    first, close, channels = None, None, {}
    try:
        while True:
            opcode, payload = client.frame()
            if opcode == CLOSE:
                close = int.from_bytes(payload[:2], "big")
                client.send(CLOSE, payload[:2])
                break
            if opcode == PING:
                client.send(PONG, payload)
            if opcode not in (TEXT, BINARY):
                continue
            channel = "all"
            if not args.whole:
                channel = payload[0] - (ord("0") if opcode == TEXT else 0)
                payload = payload[1:]
            if opcode == TEXT:
                payload = base64.b64decode(payload)
            first = channel if first is None else first
            channels.setdefault(channel, bytearray()).extend(payload)
            if args.until and channels[channel].endswith(args.until.encode()):
                client.send(CLOSE, b"\x03\xe8")
    except (EOFError, ConnectionError, ssl.SSLError):
        pass
    print("first", first)
    for channel in sorted(channels):
        print(channel, shown(bytes(channels[channel])))
    print("close", close)


main()
