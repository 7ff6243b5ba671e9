#!/usr/bin/python3
"""Does the simple things that tests want again and again, as kubectl would: kubectl takes a tenth of a second of a processor to start, this none.

    quick_kubectl.py    prints a port of 127.0.0.1 and a password, and answers there until its parent has ended

A request is words, each with a NUL behind it, and an empty one at their end: the password, then kubectl's, of which these are understood:

    [-n NAMESPACE] get KIND [NAME] [-l SELECTOR] [--field-selector SELECTOR] -o name|jsonpath=TEMPLATE
    [-n NAMESPACE] create namespace NAME
    [-n NAMESPACE] delete namespace NAME --wait=false
    [-n NAMESPACE] delete pods --all [--grace-period=SECONDS] --wait=false
    [-n NAMESPACE] logs POD [-c CONTAINER]
    [-n NAMESPACE] apply -f - TEXT        (the word behind "-" is what kubectl reads from its standard input)

The answer is kubectl's exit code, its output and its error, each with a NUL behind it. The code is "?" for whatever is not understood, or not answered by the API
server: kubectl itself is to be asked then. To apply is only understood for objects that do not exist yet; for all else kubectl does all of it.
"""
import base64
import hmac
import http.client
import json
import os
import queue
import re
import secrets
import socketserver
import ssl
import tempfile
import urllib.parse

import yaml

CORE, APPS, BATCH = "api/v1", "apis/apps/v1", "apis/batch/v1"
KINDS = {  # singular: where, and whether in a namespace
    "pod": (CORE, True), "event": (CORE, True), "configmap": (CORE, True), "secret": (CORE, True), "serviceaccount": (CORE, True), "service": (CORE, True),
    "node": (CORE, False), "namespace": (CORE, False), "deployment": (APPS, True), "daemonset": (APPS, True), "replicaset": (APPS, True),
    "statefulset": (APPS, True), "job": (BATCH, True), "lease": ("apis/coordination.k8s.io/v1", True),
}


APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Unknown(Exception):
    """kubectl is to be asked."""


# ---- JSONPath, as far as kubectl's is used ----

STEP = re.compile(r"""\.(?P<key>(?:[A-Za-z0-9_/-]|\\\.)+) | \[(?P<index>[0-9]+)\] | (?P<all>\[\*\])
    | \[\?\(@(?P<where>(?:\.[A-Za-z0-9_-]+)+)(?:==["'](?P<is>[^"'\\]*)["'])?\)\]""", re.X)
PIECE = re.compile(r"""\{(?:(?P<range>range\ +)(?P<over>\.[^{}]*) | (?P<end>end) | "(?P<text>[^"]*)" | (?P<path>\.[^{}]*))\} | (?P<plain>[^{}]+)""", re.X)


def find(path, root):
    found, at = [root], 0
    while at < len(path):
        step = STEP.match(path, at)
        if not step:
            raise Unknown
        at = step.end()
        if step["key"]:
            key = step["key"].replace("\\.", ".")
            if any(not isinstance(v, dict) for v in found):
                raise Unknown
            found = [v[key] for v in found if key in v]
            continue
        if any(not isinstance(v, list) for v in found):
            raise Unknown
        if step["all"]:
            found = [e for v in found for e in v]
        elif step["index"]:
            if any(len(v) <= int(step["index"]) for v in found):
                raise Unknown
            found = [v[int(step["index"])] for v in found]
        else:
            found = [e for v in found for e in v if matches(find(step["where"], e), step["is"])]
    return found


def matches(values, wanted):
    if wanted is None:
        return bool(values)
    if any(not isinstance(v, str) for v in values):
        raise Unknown
    return wanted in values


def text(value):
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, (dict, list)) or "metadata" in value and "kind" not in value:
        raise Unknown  # an object of a list lacks what kubectl adds
    return encoded(value)


def encoded(value):
    """As Go does."""
    said = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return said.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def fill(template, root):
    out, at, body = "", 0, None
    while at < len(template):
        piece = PIECE.match(template, at)
        if not piece:
            raise Unknown
        if piece["range"]:
            if body is not None:
                raise Unknown
            body, over = piece.end(), piece["over"]
        elif piece["end"]:
            if body is None:
                raise Unknown
            out += "".join(fill(template[body:at], e) for e in find(over, root))
            body = None
        elif body is None:
            if piece["path"]:
                out += " ".join(text(v) for v in find(piece["path"], root))
            else:
                out += piece["plain"] or re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), piece["text"])
        at = piece.end()
    if body is not None:
        raise Unknown
    return out


# ---- YAML, as far as all parsers agree ----

ODD = re.compile(r"[yYnN]|[-+.0-9_]+([eE][-+0-9_]+)?|0[obx].*|<<|=")  # a number for some, a word for others
PLAIN = {
    "tag:yaml.org,2002:int": (re.compile(r"0|-?[1-9][0-9]{0,17}"), int),
    "tag:yaml.org,2002:bool": (re.compile(r"true|false"), lambda v: v == "true"),
    "tag:yaml.org,2002:null": (re.compile(r"null|~|"), lambda v: None),
}


def value_of(node):
    if isinstance(node, yaml.MappingNode):
        keys = [value_of(key) for key, _ in node.value]
        if any(not isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
            raise Unknown
        return {key: value_of(value) for key, (_, value) in zip(keys, node.value)}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(value) for value in node.value]
    if node.tag == "tag:yaml.org,2002:str":
        if node.style is None and ODD.fullmatch(node.value):
            raise Unknown
        return node.value
    looks, made = PLAIN.get(node.tag, (None, None))
    if not looks or not looks.fullmatch(node.value):
        raise Unknown
    return made(node.value)


# ---- the API server ----

class Cluster:
    """Connections of KUBECONFIG's user, each used again."""

    def __init__(self):
        self.free = queue.LifoQueue()
        self.context = None

    def connect(self):
        if not self.context:
            with open(os.environ["KUBECONFIG"], encoding="utf-8") as f:
                config = yaml.safe_load(f)
            cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
            with tempfile.TemporaryDirectory() as directory:

                def file_of(where, key):
                    if key in where:
                        return where[key]
                    name = os.path.join(directory, key)
                    with open(name, "wb") as f:
                        f.write(base64.b64decode(where[key + "-data"]))
                    return name

                context = ssl.create_default_context(cafile=file_of(cluster, "certificate-authority"))
                context.load_cert_chain(file_of(user, "client-certificate"), file_of(user, "client-key"))
            self.server = cluster["server"].removeprefix("https://")
            self.context = context
        return http.client.HTTPSConnection(self.server, context=self.context, timeout=10)

    def ask(self, verb, path, body=None):
        while True:
            try:
                connection, old = self.free.get_nowait(), True
            except queue.Empty:
                connection, old = self.connect(), False
            try:
                connection.request(verb, path, json.dumps(body) if body else None, {"Accept": "application/json", "Content-Type": "application/json"})
                answer = connection.getresponse()
                status, said = answer.status, answer.read()
                said = json.loads(said) if answer.getheader("Content-Type", "").startswith("application/json") else said.decode()
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()
                if old and verb != "POST":
                    continue  # the API server may be another one by now
                raise
            self.free.put(connection)
            return status, said


CLUSTER = Cluster()


def answer(words):
    """What kubectl's words ask for: code, output, error."""
    namespace, does = (words[1], words[2:]) if words[0] == "-n" else ("default", words)
    match does:
        case ["create", "namespace", name]:
            status, _ = CLUSTER.ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            said = f"namespace/{name} created\n"
        case ["delete", "namespace", name, "--wait=false"]:
            status, _ = CLUSTER.ask("DELETE", "/api/v1/namespaces/" + urllib.parse.quote(name, safe=""))
            said = f'namespace "{name}" deleted\n'
        case ["delete", "pods", "--all", *grace, "--wait=false"]:
            options = {"apiVersion": "v1", "kind": "DeleteOptions"}
            if grace:
                if len(grace) != 1 or not re.fullmatch("--grace-period=[1-9][0-9]*", grace[0]):
                    raise Unknown
                options["gracePeriodSeconds"] = int(grace[0].partition("=")[2])
            status, gone = CLUSTER.ask("DELETE", f"/api/v1/namespaces/{urllib.parse.quote(namespace, safe='')}/pods", options)
            said = "".join(f'pod "{pod["metadata"]["name"]}" deleted\n' for pod in gone.get("items", []))
        case ["logs", pod, *container] if re.fullmatch("[a-z0-9][a-z0-9.-]*", pod) and len(container) in (0, 2) and container[:1] in ([], ["-c"]):
            query = "?" + urllib.parse.urlencode({"container": container[1]}) if container else ""
            status, said = CLUSTER.ask("GET", f"/api/v1/namespaces/{urllib.parse.quote(namespace, safe='')}/pods/{pod}/log{query}")
            if not isinstance(said, str):
                raise Unknown
        case ["apply", "-f", "-", manifests]:
            return apply(namespace, manifests)
        case _:
            return read(words)
    if status not in (200, 201, 202):
        raise Unknown
    return "0", said, ""


def kept(sent, got):
    """Every field that says something has come back."""
    if isinstance(sent, dict) and isinstance(got, dict):
        return all(not value or key == "stringData" or key in got and kept(value, got[key]) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(got, list):
        return len(sent) <= len(got) and all(map(kept, sent, got))
    return True


def no_float(_):
    raise Unknown


def apply(namespace, manifests):
    if manifests.lstrip().startswith("{"):  # which kubectl takes for JSON
        objects = [json.loads(manifests, parse_float=no_float)]
    else:
        objects = [value_of(node) for node in yaml.compose_all(manifests, yaml.CSafeLoader) if node]
    todo = []
    for thing in objects:
        metadata, kind = thing["metadata"], thing["kind"].lower()
        group, inside = KINDS.get(kind, ("", False))
        if group.partition("/")[2] != thing["apiVersion"] or not metadata["name"]:
            raise Unknown
        path = f"/{group}/"
        if inside:
            if metadata.setdefault("namespace", namespace) != namespace:
                raise Unknown
            path += f"namespaces/{urllib.parse.quote(namespace, safe='')}/"
        said = metadata.setdefault("annotations", {})
        said[APPLIED] = encoded(thing) + "\n"
        todo.append((path + kind + "s?fieldManager=kubectl-client-side-apply&fieldValidation=Strict", thing))
    # First all of it for nothing: kubectl looks for fields that there are not before it sends anything, and 1.20.2 leaves them out without a word.
    if not todo or not all(status == 201 and kept(thing, got) for thing, (status, got) in ((t, CLUSTER.ask("POST", p + "&dryRun=All", t)) for p, t in todo)):
        raise Unknown
    out = ""
    for path, thing in todo:
        status, _ = CLUSTER.ask("POST", path, thing)
        if status != 201:
            raise Unknown
        group = thing["apiVersion"].rpartition("/")[0]
        out += f"{thing['kind'].lower()}{'.' * bool(group)}{group}/{thing['metadata']['name']} created\n"
    return "0", out, ""


def read(words):
    namespace, output, query, names = "default", None, {}, []
    words = iter(words)
    for word in words:
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if option in ("-n", "-o", "-l", "--field-selector"):
            value = value if equals else next(words, "")
            if option == "-n":
                namespace = value
            elif option == "-o":
                output = value
            else:
                query["labelSelector" if option == "-l" else "fieldSelector"] = value
        elif word.startswith("-"):
            raise Unknown
        else:
            names.append(word)
    if len(names) not in (2, 3) or names[0] != "get" or not output or "/" in "".join(names) or (query and len(names) == 3):
        raise Unknown
    kind = names[1].removesuffix("s")
    if kind not in KINDS or "" in names or not namespace:
        raise Unknown
    group, inside = KINDS[kind]
    path = f"/{group}/" + (f"namespaces/{urllib.parse.quote(namespace, safe='')}/" if inside else "") + kind + "s"
    if len(names) == 3:
        path += "/" + urllib.parse.quote(names[2], safe="")
    status, said = CLUSTER.ask("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))
    if status == 404 and said.get("reason") == "NotFound":
        return "1", "", f"Error from server (NotFound): {said['message']}\n"
    if status != 200:
        raise Unknown
    if output == "name":
        group = group.split("/")[1] if group != CORE else ""
        return "0", "".join(f"{kind}{'.' * bool(group)}{group}/{o['metadata']['name']}\n" for o in said.get("items", [said])), ""
    if not output.startswith("jsonpath="):
        raise Unknown
    return "0", fill(output.removeprefix("jsonpath="), said), ""


# ---- whoever asks ----

class Asked(socketserver.StreamRequestHandler):
    def handle(self):
        data = b""
        while not data.endswith(b"\0\0"):
            more = self.request.recv(65536)
            if not more:
                return
            data += more
        password, *words = data[:-2].split(b"\0")
        if not hmac.compare_digest(password, PASSWORD.encode()):
            return
        try:
            parts = answer([word.decode() for word in words])
        except (Unknown, OSError, http.client.HTTPException, ValueError, TypeError, AttributeError, KeyError, IndexError, yaml.YAMLError):
            parts = "?", "", ""
        if "\0" in "".join(parts):
            parts = "?", "", ""
        self.wfile.write("".join(part + "\0" for part in parts).encode())


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 100

    def service_actions(self):
        if os.getppid() != PARENT:
            os._exit(0)


PARENT = os.getppid()
PASSWORD = secrets.token_hex(16)
if __name__ == "__main__":
    with Server(("127.0.0.1", 0), Asked) as server:
        print(server.server_address[1], PASSWORD, flush=True)
        os.close(1)
        server.serve_forever(1)
