#!/usr/bin/env python3
"""What a kubelet API answers: as many callers, for every route, by every method.

usage: kubelet_answers.py ask HOST:PORT CALLERS NAMESPACE POD [RECORD]    prints the table
       kubelet_answers.py compare KUBELET_TABLE OUR_TABLE DOCUMENT

CALLERS is a folder: NAME.crt with NAME.key, or NAME.token, is a caller; "anonymous" has nothing and is always asked for. POD has one container, "main", which runs. RECORD, where it is
given, gets a line of JSON for each answer: its headers and the begin of its body.

A line of a table is a path, callers with commas between them, and the status that these get, one for each of METHODS; "-": the connection was closed without an answer.

What differs has to be in the table of DOCUMENT (packaging/doc/kubelet-api.md) whose columns are paths, the kubelet's statuses, ours, and why; in a path "*" is anything. A row that no
answer needs is an error as well, and so is, whatever the rows say, to let in whom a kubelet does not.
"""
import concurrent.futures, fnmatch, http.client, json, os, re, ssl, sys

METHODS = "GET POST PUT DELETE HEAD OPTIONS PATCH".split()
PATHS = """
/ /nothing //pods /Pods /healthz /healthz/ /healthz/ping /healthz/log /healthz/syncloop /healthz/nothing /healthzx /livez /readyz
/pods /pods/ /pods/nothing /podsx /runningpods /runningpods/ /runningpods/nothing /allocatedPods /allocatedPods/ /allocatedPods/NS/POD /allocatedPods/NS/nothing
/configz /configz/ /configz/nothing /statusz /statusz/ /flagz /flagz/
/metrics /metrics/ /metrics/cadvisor /metrics/cadvisor/ /metrics/resource /metrics/resource/ /metrics/probes /metrics/slis /metrics/nothing /metricsx
/stats /stats/ /stats/summary /stats/summary/ /stats/container /stats/nothing /statsx /spec /spec/
/logs /logs/ /logs/dpkg.log /logs/apt /logs/apt/ /logs/nothing /logs/../../etc/passwd /logsx
/containerLogs /containerLogs/NS/POD /containerLogs/NS/POD/main /containerLogs/NS/POD/main/ /containerLogs/NS/POD/nothing /containerLogs/NS/nothing/main /containerLogs/NS/POD/main/x
/containerLogs/NS/POD/main?previous=true /containerLogs/NS/POD/main?tailLines=x /containerLogs/NS/POD/main?tailLines=-1 /containerLogs/NS/POD/main?stream=x
/run/NS/POD/main?cmd=true /run/NS/POD/nothing?cmd=true /run/NS/nothing/main?cmd=true /run/NS/POD/no-such-uid/main?cmd=true
/exec /exec/NS/POD/main?command=true&output=1 /exec/NS/POD/main?command=true /exec/NS/POD/nothing?command=true&output=1 /exec/NS/nothing/main?command=true&output=1
/exec/NS/POD/no-such-uid/main?command=true&output=1 /exec/NS/POD/main?output=1
/attach/NS/POD/main?output=1 /attach/NS/POD/main /attach/NS/POD/nothing?output=1 /attach/NS/nothing/main?output=1 /attach/NS/POD/no-such-uid/main?output=1
/portForward /portForward/NS/POD /portForward/NS/POD/ /portForward/NS/nothing /portForward/NS/POD/no-such-uid
/checkpoint /checkpoint/NS/POD/main /checkpoint/NS/POD/nothing /checkpoint/NS/nothing/main
/debug /debug/pprof /debug/pprof/ /debug/pprof/cmdline /debug/flags/v
""".split()
HEADERS = "www-authenticate allow content-type x-content-type-options location connection".split()


# ---- asking


def callers(folder):
    yield "anonymous", ssl_context(), {}
    for file in sorted(os.listdir(folder)):
        name, kind = os.path.splitext(file)
        path = os.path.join(folder, name)
        if kind == ".crt":
            yield name, ssl_context(path), {}
        elif kind == ".token":
            with open(path + kind) as f:
                yield name, ssl_context(), {"Authorization": "Bearer " + f.read().strip()}


def ssl_context(certificate=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if certificate:
        c.load_cert_chain(certificate + ".crt", certificate + ".key")
    return c


class Caller:
    """One connection, for as long as the other side keeps it."""

    def __init__(self, address, name, context, headers):
        self.address, self.name, self.context, self.headers, self.connection = address, name, context, headers, None

    def ask(self, method, path):
        kept = self.connection is not None
        try:
            return self.ask_once(method, path)
        except (OSError, http.client.HTTPException):
            self.connection = None
            # A connection that was kept may have been closed for its age.
            return self.ask(method, path) if kept else (None, {}, b"")

    def ask_once(self, method, path):
        if not self.connection:
            self.connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=60)
        self.connection.request(method, path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self.connection.close()
            self.connection = None
        return answer.status, {k.lower(): v for k, v in answer.getheaders() if k.lower() in HEADERS}, body


def ask_all(address, folder, namespace, pod):
    """[(caller's name, a row for each path, in it an answer for each method)]"""

    def rows(caller):
        return caller.name, [[caller.ask(m, p.replace("NS", namespace).replace("POD", pod)) for m in METHODS] for p in PATHS]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(rows, [Caller(address, *c) for c in callers(folder)]))


def print_table(answers):
    for i, path in enumerate(PATHS):
        groups = {}
        for name, rows in answers:
            groups.setdefault(tuple(str(status or "-") for status, _, _ in rows[i]), []).append(name)
        for statuses, names in groups.items():
            print(path, ",".join(names), *statuses)


def write_record(answers, file):
    with open(file, "w") as out:
        for name, rows in answers:
            for path, row in zip(PATHS, rows):
                for method, (status, headers, body) in zip(METHODS, row):
                    out.write(json.dumps([name, method, path, status, headers, body[:400].decode(errors="replace")]) + "\n")


# ---- comparing


def read_table(file):
    """{(path, caller, method): status}"""
    cells = {}
    with open(file) as f:
        for line in f:
            if line.startswith("#"):
                continue
            path, names, *statuses = line.split()
            for name in names.split(","):
                cells.update({(path, name, method): status for method, status in zip(METHODS, statuses, strict=True)})
    return cells


def read_rules(file):
    """[(path patterns, the kubelet's statuses, ours)]: the rows whose second and third cell are statuses."""
    rules = []
    with open(file) as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if line.startswith("|") and len(cells) == 4 and re.fullmatch(r"[\d, ]+", cells[1]):
                rules.append((re.findall(r"`([^`]+)`", cells[0]), *(set(re.findall(r"\d+", c)) for c in cells[1:3])))
    return rules


def compare(theirs, ours, rules):
    wrong, used = [], set()
    if theirs.keys() != ours.keys():
        wrong.append("the tables are not about the same: %s" % sorted(theirs.keys() ^ ours.keys())[:5])
    for cell in sorted(theirs.keys() & ours.keys()):
        kubelet, we = theirs[cell], ours[cell]
        if kubelet == we:
            continue
        says = "%s as %s, %s: %s, a kubelet %s" % (cell[0], cell[1], cell[2], we, kubelet)
        stranger = theirs["/healthz", cell[1], "GET"] == "401"
        if kubelet in ("401", "403") and we not in ("401", "403") or stranger and we != "401":
            wrong.append(says + ": let in")
            continue
        fit = [
            (i, p)
            for i, (patterns, k, w) in enumerate(rules)
            for p in patterns
            if kubelet in k and we in w and fnmatch.fnmatchcase(cell[0], p.replace("?", "[?]"))
        ]
        used.update(fit)
        if not fit:
            wrong.append(says)
    wrong += ["no answer needs the row about %s any more" % p for i, r in enumerate(rules) for p in r[0] if (i, p) not in used]
    same = sum(theirs[c] == ours.get(c) for c in theirs)
    print("%d answers: %d are a kubelet's, %d differ" % (len(theirs), same, len(theirs) - same))
    return wrong


if sys.argv[1] == "ask":
    found = ask_all(*sys.argv[2:6])
    print_table(found)
    if len(sys.argv) > 6:
        write_record(found, sys.argv[6])
else:
    faults = compare(read_table(sys.argv[2]), read_table(sys.argv[3]), read_rules(sys.argv[4]))
    for fault in faults[:40]:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))
