#!/usr/bin/python3
"""What Kubernetes' library for Python makes of a pod's streams (Debian's python3-kubernetes), with the identity of KUBECONFIG. NAMESPACE and POD are words.

    client.py exec [--tty] [--size COLUMNSxROWS] [--input TEXT] NAMESPACE POD WORD...   the command's streams and exit code are this program's
    client.py whole NAMESPACE POD WORD...                     as `exec`, in the library's one call that returns all output at once
    client.py attach [--input TEXT] [--until TEXT] NAMESPACE POD    what the container writes from now on, until TEXT was seen or it ends
    client.py logs [--follow] NAMESPACE POD
    client.py forward NAMESPACE POD PORT                      sends standard input there, and prints what comes back until "end"
"""
import argparse
import json
import sys

from kubernetes import client, config
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

RESIZE = 4


def both(ws, until=None):
    seen = ""
    while ws.is_open() and not (until and until in seen):
        ws.update(timeout=1000)  # milliseconds, whatever its name says
        for read, to in ((ws.read_stdout, sys.stdout), (ws.read_stderr, sys.stderr)):
            part = read(timeout=0)
            to.write(part)
            to.flush()
            seen += part


def run_exec(api, a):
    ws = stream(api.connect_get_namespaced_pod_exec, a.pod, a.namespace, command=a.words, stdin=a.input is not None, stdout=True, stderr=not a.tty,
                tty=a.tty, _preload_content=False)
    if a.size:
        columns, rows = a.size.split("x")
        ws.write_channel(RESIZE, json.dumps({"Width": int(columns), "Height": int(rows)}))
    if a.input is not None:
        ws.write_stdin(a.input)
    both(ws)
    return ws.returncode


def run_whole(api, a):
    print(stream(api.connect_get_namespaced_pod_exec, a.pod, a.namespace, command=a.words, stdin=False, stdout=True, stderr=True, tty=False), end="")


def run_attach(api, a):
    ws = stream(api.connect_get_namespaced_pod_attach, a.pod, a.namespace, stdin=a.input is not None, stdout=True, stderr=True, tty=False,
                _preload_content=False)
    if a.input is not None:
        ws.write_stdin(a.input)
    both(ws, a.until)
    ws.close()


def run_logs(api, a):
    if not a.follow:
        print(api.read_namespaced_pod_log(a.pod, a.namespace), end="")
        return
    for part in api.read_namespaced_pod_log(a.pod, a.namespace, follow=True, _preload_content=False).stream():
        sys.stdout.write(part.decode())
        sys.stdout.flush()


def run_forward(api, a):
    port = int(a.words[0])
    forwarded = portforward(api.connect_get_namespaced_pod_portforward, a.pod, a.namespace, ports=str(port))
    s = forwarded.socket(port)
    s.sendall(sys.stdin.buffer.read())
    seen = b""
    while not seen.endswith(b"end"):
        part = s.recv(65536)
        if not part:
            break
        seen += part
    s.close()
    sys.stdout.buffer.write(seen)
    error = forwarded.error(port)
    if error:
        print("error: " + error, file=sys.stderr)
        return 1
    return 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("verb", choices=["exec", "whole", "attach", "logs", "forward"])
    p.add_argument("--tty", action="store_true")
    p.add_argument("--size")
    p.add_argument("--input")
    p.add_argument("--until")
    p.add_argument("--follow", action="store_true")
    p.add_argument("namespace")
    p.add_argument("pod")
    p.add_argument("words", nargs=argparse.REMAINDER)
    a = p.parse_args()
    config.load_kube_config()
    try:
        return globals()["run_" + a.verb](client.CoreV1Api(), a) or 0
    except ApiException as e:
        print("refused: %s %s" % (e.status, e.reason), file=sys.stderr)
        return 1


sys.exit(main())
