#!/usr/bin/env python3
"""Measures a node that runs vks: see the table that it prints. Everything is taken in one run, beside systemd's own cost.

usage: bench.py LAB NODE DIRECTORY [COUNT...]   (DIRECTORY: where bench-raw, bench-answer and bench-floor are inside the node)

What does not depend on the machine's other work: requests, memory, and the CPU time that is vks' own (agent and helper). Wall-clock time a pod is that of the
API server, etcd, the scheduler and systemd as well, all of them on the same cores: only ratios within one run say something.
ONLY=probes: only what probes cost, with the largest count. ONLY=shared: only how soon as many pods have a ConfigMap's new value.
ONLY=floor: only what the agent takes at rest, beside what its libraries take without it.
ONLY=churn: only what memory the agent keeps of as many pods that came and went. ONLY=commands: only commands beside a container. ONLY=copies: only kubectl cp.
CHURN=N: after all counts, the largest one comes and goes N times more, before memory is looked at again.
"""
import base64, http.client, json, os, re, socket, ssl, statistics, subprocess, sys, tempfile, threading, time

LAB, NODE = sys.argv[1:3]
RAW, ANSWER, FLOOR = (sys.argv[3] + "/bench-" + name for name in ("raw", "answer", "floor"))
PORT, PERIOD = 18080, 10
CHURN = int(os.environ.get("CHURN", "0"))
COUNTS = [int(a) for a in sys.argv[4:]] or [10, 100, 1000]
NS = "bench"
SAMPLE = "/run/vksbench.service"


def lab(*args, check=True):
    return subprocess.run([LAB, *args], check=check, stdout=subprocess.PIPE, text=True).stdout.strip()


def node(*args, check=True):
    return lab("node", "exec", *args, check=check)


CONFIG = json.loads(subprocess.run(["kubectl", "--kubeconfig", lab("kubeconfig", "admin"), "config", "view", "--raw", "--flatten", "-o", "json"],
                                   check=True, stdout=subprocess.PIPE, text=True).stdout)
CLUSTER, USER = CONFIG["clusters"][0]["cluster"], CONFIG["users"][0]["user"]
HOST = CLUSTER["server"].split("//")[1]


def context():
    c = ssl.create_default_context(cadata=base64.b64decode(CLUSTER["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile("wb") as f:
        f.write(base64.b64decode(USER["client-certificate-data"]) + b"\n" + base64.b64decode(USER["client-key-data"]))
        f.flush()
        c.load_cert_chain(f.name)
    return c


CONTEXT = context()


class Api:
    def __init__(self):
        self.c = http.client.HTTPSConnection(HOST, context=CONTEXT, timeout=120)

    def call(self, method, path, body=None):
        self.c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        r = self.c.getresponse()
        return r.status, r.read()


def pod(name, labels={"app": "bench"}, more={}, beside={}):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": NODE, "terminationGracePeriodSeconds": 1,
                     "containers": [{"name": "c", "image": "/bin/sleep", "imagePullPolicy": "IfNotPresent", "command": ["/bin/sleep", "100000"], **more}], **beside}}


class Watch(threading.Thread):
    """Notes when each pod is first seen Running."""

    def __init__(self):
        super().__init__(daemon=True)
        self.running, self.gone, self.there, self.changed = {}, set(), set(), threading.Condition()
        self.version = self.list()

    def list(self):
        """What is there now, and the version to watch from. A pod that ran or went while nobody watched is noted as of now."""
        status, body = Api().call("GET", f"/api/v1/namespaces/{NS}/pods")
        now, pods = time.monotonic(), json.loads(body)
        names = {p["metadata"]["name"] for p in pods["items"]}
        with self.changed:
            for p in pods["items"]:
                if p["status"].get("phase") == "Running":
                    self.running.setdefault(p["metadata"]["name"], now)
            self.gone |= self.there - names
            self.there = names
            self.changed.notify_all()
        return pods["metadata"]["resourceVersion"]

    def watch(self):
        c = http.client.HTTPSConnection(HOST, context=CONTEXT)
        c.request("GET", f"/api/v1/namespaces/{NS}/pods?watch=1&resourceVersion={self.version}&timeoutSeconds=3000")
        for line in c.getresponse():
            t = time.monotonic()
            head = line[:24]
            if b"ERROR" in head:  # this version is too old by now
                return
            if b"ADDED" not in head and b"DELETED" not in head and b'"phase":"Running"' not in line:
                continue
            o = json.loads(line)["object"]
            name = o["metadata"]["name"]
            with self.changed:
                if b"DELETED" in head:
                    self.gone.add(name)
                    self.there.discard(name)
                else:
                    self.there.add(name)
                    if o["status"].get("phase") == "Running":
                        self.running.setdefault(name, t)
                self.changed.notify_all()

    def run(self):
        """API servers end watches as they like: there is another one then."""
        while True:
            try:
                self.watch()
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.1)
            try:
                self.version = self.list()
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                time.sleep(0.5)

    def wait(self, what, names, seconds):
        names, end = set(names), time.monotonic() + seconds
        with self.changed:
            while not names <= (self.gone if what == "gone" else self.running.keys()):
                if time.monotonic() > end:
                    missing = names - set(self.gone if what == "gone" else self.running)
                    sys.exit(f"{len(missing)} pods are not {what} after {seconds} s, among them {sorted(missing)[:3]}")
                self.changed.wait(1)


def create(names, labels={"app": "bench"}, more={}, beside={}):
    def some(part):
        api = Api()
        for n in part:
            for _ in range(50):
                status, body = api.call("POST", f"/api/v1/namespaces/{NS}/pods", pod(n, labels, more, beside))
                if status < 300:
                    break
                time.sleep(0.1)
            else:
                sys.exit(f"cannot create {n}: {body[:300]}")
    threads = [threading.Thread(target=some, args=(names[i::4],)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]


def sample():
    """Makes a pod that stays, and a file on the node with the text of its unit, "@" for the part of its slice's name that is its own:
    raw starts as many of those as there are pods. Its directories are theirs."""
    create(["sample"], {})
    unit = f"vks.{NS}.sample.bin\\x2fsleep.service"
    end = time.monotonic() + 60
    while node("systemctl", "is-active", unit, check=False) != "active":
        if time.monotonic() > end:
            sys.exit("the sample pod does not start")
        time.sleep(0.1)
    text = node("systemctl", "cat", unit)
    own = re.search(r"^Slice=.*-pod([^.]*)\.slice$", text, re.M).group(1)
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(text.replace(f"-pod{own}.slice", "-podvksbench@.slice"))
        f.flush()
        lab("node", "put", f.name, SAMPLE)


def pid(unit):
    return int(node("systemctl", "show", "-P", "MainPID", unit) or 0)


def memory(unit):
    """PSS, RSS, and what is private and dirty, in MiB. PSS is low where other processes map the same libraries; the last one is the process' own."""
    p = pid(unit)
    if not p:
        return None
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB$", node("cat", f"/proc/{p}/smaps_rollup"), re.M))
    return tuple(int(found[k]) / 1024 for k in ("Pss", "Rss", "Private_Dirty"))


def libraries(requests=1000):
    """What the agent's libraries take without an agent, which is down meanwhile: memory as in memory(), and milliseconds of CPU that libcurl needs for a request."""
    server = node("sed", "-n", "s/^ *server: *//p", "/etc/vks/kubeconfig")
    pem = base64.b64decode(USER["client-certificate-data"]) + b"\n" + base64.b64decode(USER["client-key-data"])
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "floor-"}, "type": "Normal", "reason": "Floor", "message": "x" * 100,
             "involvedObject": {"kind": "Pod", "namespace": NS, "name": "floor"}, "source": {"component": "bench", "host": NODE}}
    with tempfile.NamedTemporaryFile("wb") as f:
        f.write(pem)
        f.flush()
        lab("node", "put", f.name, FLOOR + ".pem")
    node("systemctl", "stop", "vks-agent")
    found = dict(line.split() for line in node(FLOOR, server, FLOOR + ".pem", NS, json.dumps(event), str(requests)).splitlines())
    node("rm", FLOOR + ".pem")
    node("systemctl", "start", "vks-agent")
    ready()
    return tuple(int(found[k]) / 1024 for k in ("Pss", "Rss", "Private_Dirty")), int(found["request"]) / 1e3


def rest_rows(rest):
    return [memory_row("agent's PSS at rest", rest[0], "; budget 10"), memory_row("its libraries' alone", rest[1])]


def memory_row(what, m, budget=""):
    return [what, f"{m[0]:.1f} MiB", f"RSS {m[1]:.1f}, private and dirty {m[2]:.1f}{budget}"]


def cpu(process, children=False):
    """CPU seconds of a process of the node, and of its children that have ended."""
    f = node("cat", f"/proc/{process}/stat").rsplit(")", 1)[1].split()
    return sum(int(x) for x in f[11:15 if children else 13]) / os.sysconf("SC_CLK_TCK")


def spent_by():
    """CPU seconds: agent, helper (what runs now), PID 1 and its children that have ended."""
    agent, helper = pid("vks-agent"), pid("vks-helper")
    return cpu(agent), cpu(helper) if helper else 0, cpu(1, children=True)


def busy():
    """CPU seconds since boot: of the whole machine, and of each program that runs now."""
    tick = os.sysconf("SC_CLK_TCK")
    with open("/proc/stat") as f:
        all_ = [int(x) for x in f.readline().split()[1:9]]
    by = {"all": (sum(all_) - all_[3] - all_[4]) / tick, "(stolen by other machines)": all_[7] / tick}
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                with open(f"/proc/{p}/stat") as f:
                    name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
            except OSError:
                continue
            name = name.split("/")[0]  # a kworker is called by what it did last
            by[name] = by.get(name, 0) + sum(int(x) for x in rest.split()[11:13]) / tick
    return by


def spent(before, seconds):
    """What took the CPU since: the programs, and what came and went meanwhile."""
    now = busy()
    by = {k: v - before.get(k, 0) for k, v in now.items() if v - before.get(k, 0) >= seconds / 200}
    total = by.pop("all")
    by["(came and went)"] = total - sum(by.values())
    words = ", ".join(f"{k} {v:.1f}" for k, v in sorted(by.items(), key=lambda i: -i[1]))
    return f"{total / seconds / os.cpu_count() * 100:.0f} % of {os.cpu_count()} cores were busy; seconds: {words}"


def probes_made():
    """How many probes the agent has made, of the pods that there are."""
    status, body = Api().call("GET", f"/api/v1/nodes/{NODE}/proxy/metrics/probes")
    return sum(float(line.rsplit(" ", 1)[1]) for line in body.decode().splitlines() if line.startswith("prober_probe_total"))


def agents_share(seconds):
    """Percent of one core that the agent takes, and the probes that it makes meanwhile."""
    c, made, begin = cpu(pid("vks-agent")), probes_made(), time.monotonic()
    time.sleep(seconds)
    spent_, seconds = cpu(pid("vks-agent")) - c, time.monotonic() - begin
    return spent_ / seconds * 100, probes_made() - made, seconds


def probes(n, watch, _):
    """The rows of what it costs that each of n pods is asked by HTTP every PERIOD seconds."""
    node("systemd-run", "--unit=vksbench-answer", ANSWER, str(PORT))
    rows = []
    for what, more in (("no", {}), ("a", {"readinessProbe": {"httpGet": {"port": PORT}, "periodSeconds": PERIOD, "timeoutSeconds": 5}})):
        names = [f"probe-{what}-{i}" for i in range(n)]
        create(names, more=more)
        watch.wait("running", names, 900)
        time.sleep(3 * PERIOD)
        share, made, seconds = agents_share(6 * PERIOD)
        rows.append([f"agent's CPU, {n} pods with {what} probe", f"{share:.2f} %",
                     f"of one core; {made:.0f} probes in {seconds:.0f} s; budget 3; load average {os.getloadavg()[0]:.1f}"])
        wanted = n * 6 if more else 0
        if abs(made - wanted) > wanted / 10:
            sys.exit(f"{made:.0f} probes were made, not {wanted}")
        delete(names, watch)
    node("systemctl", "stop", "vksbench-answer")
    return rows


def watches():
    status, body = Api().call("GET", "/metrics")
    lines = re.findall(r'^apiserver_longrunning_(?:gauge|requests){([^}]*)} (\S+)$', body.decode(), re.M)
    return sum(int(float(n)) for labels, n in lines if 'resource="configmaps"' in labels and 'verb="WATCH"' in labels)


def shared(n, watch, _):
    """The rows of a ConfigMap that n pods have as a volume: what watching it costs, and when all of them have what it is changed to."""
    api, path = Api(), f"/api/v1/namespaces/{NS}/configmaps"
    value = {"metadata": {"name": "shared"}, "data": {"word": "first"}}
    api.call("POST", path, value)
    names, before = [f"shared-{i}" for i in range(n)], watches()
    create(names, more={"volumeMounts": [{"name": "shared", "mountPath": "/mnt"}]},
           beside={"automountServiceAccountToken": False, "volumes": [{"name": "shared", "configMap": {"name": "shared"}}]})
    watch.wait("running", names, 900)
    cost, start = watches() - before, time.monotonic()
    status, body = api.call("PUT", path + "/shared", value | {"data": {"word": "second"}})
    while int(node("sh", "-c", "cat /run/vks/pods/*/files/shared/word | grep -o second | wc -l")) < n:
        if status != 200 or time.monotonic() > start + 120:
            sys.exit(f"not all of {n} pods have the new value: {status}")
        time.sleep(0.05)
    took = time.monotonic() - start
    delete(names, watch)
    return [[f"a ConfigMap of {n} pods is changed", f"{took:.2f} s", "until the last of them has it; budget 5"],
            ["watches for it at the API server", f"{cost}", "budget 1"]]


def requests():
    status, body = Api().call("GET", f"/api/v1/nodes/{NODE}/proxy/metrics")
    for line in body.decode().splitlines():
        if line.startswith("vks_api_requests_total"):
            return int(float(line.split()[1]))
    return 0


class Kubelet:
    """The node's own API, asked as something that scrapes it does: over one connection that stays."""

    def __init__(self):
        node_ = json.loads(Api().call("GET", f"/api/v1/nodes/{NODE}")[1])
        address = [a["address"] for a in node_["status"]["addresses"] if a["type"] == "InternalIP"][0]
        c = context()
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        self.c = http.client.HTTPSConnection(address, node_["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"], context=c, timeout=60)

    def scrape(self):
        """Milliseconds, and the text."""
        start = time.monotonic()
        self.c.request("GET", "/metrics/resource")
        r = self.c.getresponse()
        text = r.read().decode()
        if r.status != 200:
            sys.exit(f"/metrics/resource: {r.status} {text[:200]}")
        return (time.monotonic() - start) * 1e3, text


def scrapes(n):
    kubelet = Kubelet()
    kubelet.scrape()
    before = cpu(pid("vks-agent"))
    took = sorted(kubelet.scrape()[0] for _ in range(20))
    own = (cpu(pid("vks-agent")) - before) / 20 * 1e3
    told = kubelet.scrape()[1].count("\ncontainer_start_time_seconds{")
    return [f"/metrics/resource with {n} pods", f"{statistics.median(took):.0f} ms", f"p50 of 20, longest {took[-1]:.0f} ms, {own:.1f} ms of the agent's CPU each, {told} containers told; budget 50"]


def scraped_at_rest(n, seconds=60, every=15):
    kubelet, before = Kubelet(), cpu(pid("vks-agent"))
    for _ in range(seconds // every):
        kubelet.scrape()
        time.sleep(every)
    return [f"agent's CPU, idle with {n} pods, scraped", f"{(cpu(pid('vks-agent')) - before) / seconds * 100:.2f} %", f"/metrics/resource every {every} s for {seconds} s; budget 2"]


def commands(n, watch, rest, times=100):
    """`true` beside a container, as a probe or a hook has it: how long until the agent has its answer; and how long PID 1 alone needs to begin a unit with that
    text, and one with none."""
    sample()
    kubelet, took = Kubelet(), []
    path = f"/run/{NS}/sample/c?cmd="

    def run(command):
        kubelet.c.request("POST", path + command)
        r = kubelet.c.getresponse()
        text = r.read().decode()
        if r.status != 200:
            sys.exit(f"{path}{command}: {r.status} {text[:200]}")

    slow = threading.Thread(target=lambda: run("sleep+5"))
    slow.start()
    time.sleep(2)
    uid = json.loads(Api().call("GET", f"/api/v1/namespaces/{NS}/pods/sample")[1])["metadata"]["uid"]
    unit = node("sh", "-c", f"cat /run/systemd/system/vks-exec-{uid}-*.d/vks.conf")
    slow.join()
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(re.sub(r"^Slice=.*\n", "", unit, flags=re.M).replace("[Service]\n", "[Service]\nExecStart=/usr/bin/sleep 1000\n"))
        f.flush()
        lab("node", "put", f.name, SAMPLE)
    before = spent_by()
    for _ in range(times):
        start = time.monotonic()
        run("true")
        took.append((time.monotonic() - start) * 1e3)
    agent, helper, init = ((b - a) / times * 1e3 for a, b in zip(before, spent_by()))
    same, bare = (sorted(alone(1, *text) * 1e3 for _ in range(times)) for text in ([SAMPLE], []))
    told = lambda all_: f"{statistics.median(all_):.0f} ms, shortest {min(all_):.0f} ms"
    Api().call("DELETE", f"/api/v1/namespaces/{NS}/pods/sample?gracePeriodSeconds=1")
    return [["a command beside a container, p50", f"{statistics.median(took):.1f} ms", f"{times} of them, shortest {min(took):.1f} ms; CPU of the agent {agent:.1f} ms, of the helper {helper:.1f} ms; budget 60"],
            ["PID 1 alone begins that unit, p50", told(same), f"it and its children take {init:.1f} ms of CPU for a command"],
            ["PID 1 alone begins a bare unit, p50", told(bare), ""]]


def copies(n, watch, rest, size=1 << 30):
    """A file to a container and back by kubectl cp, beside the same through two tars and a socket; and who has spent the CPU for it."""
    sample()
    kubectl = ["kubectl", "--kubeconfig", lab("kubeconfig", "admin"), "-n", NS]
    rows = []

    def timed(what, start):
        before, began = busy(), time.monotonic()
        own = start()
        took = time.monotonic() - began
        now = busy()
        by = lambda *names: sum(now.get(name, 0) - before.get(name, 0) for name in names)
        own.update({"control plane": by("control-plane", "kube-apiserver", "kube-controller", "kube-scheduler"), "agent": by("vks-agent")})
        rest_ = by("all") - sum(own.values())
        words = "".join(f"{name} {seconds:.1f}, " for name, seconds in own.items())
        rows.append([what, f"{took:.1f} s", f"seconds of CPU: {words}all else (tar in the container, disks) {rest_:.1f}"])

    def cp(source, target):
        def start():
            p = subprocess.Popen([*kubectl, "cp", source, target], stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(p.pid, 0)
            if status:
                sys.exit(f"kubectl cp {source} {target}: {status}")
            return {"kubectl": used.ru_utime + used.ru_stime}
        return start

    with tempfile.TemporaryDirectory() as d:
        with open(f"{d}/file", "wb") as f:
            for _ in range(size >> 20):
                f.write(os.urandom(1 << 20))

        def tars():
            ours, theirs = socket.socketpair()
            os.mkdir(f"{d}/there")
            both = [subprocess.Popen(["tar", "cf", "-", "file"], cwd=d, stdout=ours), subprocess.Popen(["tar", "xf", "-"], cwd=f"{d}/there", stdin=theirs)]
            ours.close(), theirs.close()
            used = [os.wait4(p.pid, 0)[2] for p in both]
            return {"tar": sum(u.ru_utime + u.ru_stime for u in used)}

        timed("1 GiB by tar | tar through a socket", tars)
        timed("1 GiB to a container, kubectl cp", cp(f"{d}/file", "sample:/tmp/file"))
        timed("1 GiB from a container, kubectl cp", cp("sample:/tmp/file", f"{d}/back"))
        subprocess.run(["cmp", f"{d}/file", f"{d}/back"], check=True)
    rows.append(memory_row("agent's PSS after it", memory("vks-agent"), "; budget 32"))
    Api().call("DELETE", f"/api/v1/namespaces/{NS}/pods/sample?gracePeriodSeconds=1")
    return rows


def alone(n, *text):
    """Seconds in which systemd starts n units without vks."""
    return float(node(RAW, str(n), *text)) / 1e3


def ready():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if node("systemctl", "is-active", "vks-agent", check=False) == "active":
            return
        time.sleep(0.05)
    sys.exit("the agent does not come up")


def delete(names, watch):
    start, api, names = time.monotonic(), Api(), set(names)
    while True:  # a collection's deletion stops at the first conflict with somebody's update
        api.call("DELETE", f"/api/v1/namespaces/{NS}/pods?labelSelector=app%3Dbench", {"kind": "DeleteOptions", "apiVersion": "v1"})
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if names <= watch.gone:
                return time.monotonic() - start
            time.sleep(0.05)
        if time.monotonic() - start > 600:
            sys.exit(f"{len(names - watch.gone)} pods are not gone after 600 s")


def main():
    api = Api()
    api.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}})
    for _ in range(100):
        if api.call("GET", f"/api/v1/namespaces/{NS}/serviceaccounts/default")[0] == 200:
            break
        time.sleep(0.1)
    watch = Watch()
    watch.start()
    rows = []
    node("systemctl", "restart", "vks-agent")
    ready()
    time.sleep(5)
    rest = memory("vks-agent"), *(libraries() if os.environ.get("ONLY", "") in ("", "floor", "churn") else ())
    only = {"floor": lambda n, watch, rest: rest_rows(rest), "probes": probes, "shared": shared, "churn": churned, "commands": commands, "copies": copies}.get(os.environ.get("ONLY", ""))
    if only:
        table(only(max(COUNTS), watch, rest))
        return

    sample()

    # one after the other: bound -> Running
    latency = []
    for i in range(40):
        name = f"one-{i}"
        start = time.monotonic()
        status, body = api.call("POST", f"/api/v1/namespaces/{NS}/pods", pod(name))
        watch.wait("running", [name], 60)
        latency.append((watch.running[name] - start) * 1e3)
    before = requests()
    delete([f"one-{i}" for i in range(40)], watch)

    per_pod = {}
    for n in COUNTS:
        node("systemctl", "stop", "vks-agent")
        before, began = busy(), time.monotonic()
        bare, same = [alone(n)], [alone(n, SAMPLE)]
        print(f"  (systemd alone, start and stop: {spent(before, time.monotonic() - began)})", flush=True)
        names = [f"n{n}-{i}" for i in range(n)]
        create(names)
        node("systemctl", "stop", "vks-helper.service")
        before, first, start = busy(), cpu(1, children=True), time.monotonic()
        node("systemctl", "start", "vks-agent")
        watch.wait("running", names, 900)
        agent, helper, init = spent_by()
        took = max(watch.running[x] for x in names) - start
        per_pod[n] = took / n
        print(f"  ({n} pods: {took:.2f} s; {spent(before, took)})", flush=True)
        made = requests() / n
        row = [f"{n} pods at once", f"{took:.2f} s", f"{took / n * 1e3:.1f} ms a pod, {made:.1f} API requests a pod"]
        rows.append(row)
        rows.append([f"own CPU a pod, {n} pods", f"{(agent + helper) / n * 1e3:.2f} ms",
                     f"agent {agent / n * 1e3:.2f}, helper {helper / n * 1e3:.2f}; budget 1.5; libcurl alone for as many requests {made * rest[2]:.2f}; systemd and its children {(init - first) / n * 1e3:.1f}"])
        rows.append(scrapes(n))
        if n == max(COUNTS):
            rows.append(memory_row(f"agent's PSS right after {n} pods", memory("vks-agent"), "; budget 32"))
            if pid("vks-helper"):
                rows.append(memory_row(f"helper's PSS right after {n} pods", memory("vks-helper"), "; gone when idle"))
            time.sleep(10)
            c, r = cpu(pid("vks-agent")), requests()
            time.sleep(20)
            # the question itself asks the API server about the one who asks, and a Lease is renewed every 10 s
            rows.append([f"agent's CPU, idle with {n} pods", f"{(cpu(pid('vks-agent')) - c) / 20 * 100:.2f} %", f"{requests() - r} API requests in 20 s, from 10 s after the last pod"])
            rows.append(scraped_at_rest(n))
            rows.append(memory_row(f"agent's PSS, idle with {n} pods", memory("vks-agent"), "; budget 32"))
        at_once, took = took, delete(names, watch)
        node("systemctl", "stop", "vks-agent")
        bare.append(alone(n))  # once more: the machine is not the same from one minute to the next
        same.append(alone(n, SAMPLE))
        row[2] = (f"systemd alone, the same units: {same[0]:.2f} s before, {same[1]:.2f} s after, ratio {at_once / statistics.mean(same):.2f}, budget 2; "
                  f"bare units: {bare[0]:.2f} and {bare[1]:.2f} s, ratio {at_once / statistics.mean(bare):.2f}; ") + row[2]
        rows.append([f"{n} pods deleted", f"{took:.2f} s", f"{took / n * 1e3:.1f} ms a pod"])
    node("systemctl", "start", "vks-agent")
    n = max(COUNTS)
    rows += probes(n, watch, rest) + shared(n, watch, rest)
    rows += churned(n, watch, rest)
    latency.sort()
    head = [["bound -> Running, p50", f"{statistics.median(latency):.0f} ms", f"{len(latency)} pods, one after the other; budget 60"],
            ["bound -> Running, p99", f"{latency[int(len(latency) * 0.99) - 1]:.0f} ms", ""]]
    if 100 in per_pod and 1000 in per_pod:
        rows.append(["growth per pod, 100 -> 1000", f"{per_pod[1000] / per_pod[100]:.2f}", "budget 1.5"])
    table(head + rows)


def churned(n, watch, rest):
    """What the agent keeps of pods that came and went."""
    for turn in range(1 + CHURN):
        names = [f"churn{turn}-{i}" for i in range(n)]
        create(names)
        watch.wait("running", names, 900)
        delete(names, watch)
    time.sleep(30)
    return rest_rows(rest) + [memory_row(f"agent's PSS after {n * (1 + CHURN)} pods that came and went", memory("vks-agent"), f"; budget {rest[0][0] + 1:.1f}: at rest and 1")]


def table(rows):
    widths = [max(len(r[i]) for r in rows) for i in range(2)]
    print(f"\nvks on {NODE}, Kubernetes {lab('k8s', 'version')}, {os.cpu_count()} cores, control plane on the same machine")
    for r in rows:
        print(f"  {r[0]:<{widths[0]}}  {r[1]:>{widths[1]}}  {r[2]}")


main()
