#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers as the supervisor of a K3s 1.36.3 did when a node joined, and as worse ones might. Signs with the lab's authorities.

supervisor.py --port N --tls PREFIX --server-ca PREFIX --client-ca PREFIX --password WORD --api-port N --state DIR [--evil HOW]

PREFIX is a path to which .crt and .key are added. With --evil: shared-key (a private key beside the certificate), other-key (a certificate
for another key), other-name (for another node), expired, other-ca (/cacerts is of somebody else), refuse (500 for all).
What was asked is a line in STATE/log."""
import argparse
import base64
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import tempfile

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

    def do_GET(self):
        if self.path == "/cacerts":
            self.answer(200, authorities())
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
    ARGS = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ARGS.tls + ".crt", ARGS.tls + ".key")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(ARGS.client_ca + ".crt")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", ARGS.port), Supervisor)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
