// What Kubernetes' library for JavaScript makes of a pod's streams, with the identity of KUBECONFIG. Verbs and options are those of client.py, and
//
//     client.mjs copy-to NAMESPACE POD DIRECTORY TO       the library's Cp: what is in DIRECTORY into the pod's directory TO
import { PassThrough, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import * as k8s from '@kubernetes/client-node';

const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: { tty: { type: 'boolean' }, size: { type: 'string' }, input: { type: 'string' }, until: { type: 'string' }, follow: { type: 'boolean' } },
});
const [verb, namespace, pod, ...words] = positionals;
const config = new k8s.KubeConfig();
config.loadFromDefault();

const container = (await config.makeApiClient(k8s.CoreV1Api).readNamespacedPod({ name: pod, namespace })).spec.containers[0].name;
const closed = (ws) => new Promise((resolve) => ws.addEventListener('close', resolve));

// A stream that ends the process' stream with nothing, and remembers what went through it.
class Seen extends Writable {
    constructor(to) {
        super();
        this.to = to;
        this.text = '';
        this.waits = [];
    }
    _write(chunk, encoding, done) {
        this.text += chunk;
        for (const w of this.waits) w();
        this.to.write(chunk, done);
    }
    async until(text) {
        while (!this.text.includes(text)) await new Promise((resolve) => this.waits.push(resolve));
    }
}
// Without v5 the library ends the whole connection when this input ends: it stays open.
function input() {
    if (options.input === undefined) return null;
    const s = new PassThrough();
    s.write(options.input);
    return s;
}
function terminal(seen) {
    if (options.size) [seen.columns, seen.rows] = options.size.split('x').map(Number);
    return seen;
}

const verbs = {
    async exec() {
        const out = terminal(new Seen(process.stdout));
        const err = options.tty ? null : new Seen(process.stderr);
        let code;
        const ws = await new k8s.Exec(config).exec(namespace, pod, container, words, out, err, input(), !!options.tty, (status) => {
            code = status.status === 'Success' ? 0 : Number(status.details?.causes?.find((c) => c.reason === 'ExitCode')?.message ?? -1);
            if (code < 0) console.error(status.message);
        });
        await closed(ws);
        out.end(); // the library has done so, if there was a status
        if (!out.writableFinished) await new Promise((resolve) => out.on('finish', resolve));
        if (code === undefined) throw new Error('the connection ended without a status');
        return code;
    },
    async attach() {
        const out = new Seen(process.stdout);
        const ws = await new k8s.Attach(config).attach(namespace, pod, container, out, new Seen(process.stderr), input(), false);
        await (options.until ? Promise.race([closed(ws), out.until(options.until)]) : closed(ws));
        ws.close();
        return 0;
    },
    async logs() {
        const out = new Seen(process.stdout);
        await new k8s.Log(config).log(namespace, pod, container, out, { follow: !!options.follow });
        await new Promise((resolve) => out.on('finish', resolve));
        return 0;
    },
    async forward() {
        const out = new Seen(process.stdout);
        const errors = new Seen(process.stderr);
        const from = new PassThrough();
        const ws = await new k8s.PortForward(config).portForward(namespace, pod, [Number(words[0])], out, errors, from);
        process.stdin.on('data', (chunk) => from.write(chunk));
        await Promise.race([closed(ws), out.until('end'), errors.until(' ')]);
        ws.close();
        return errors.text ? 1 : 0;
    },
    async 'copy-to'() {
        await new k8s.Cp(config).cpToPod(namespace, pod, container, words[0], words[1]);
        return undefined; // the library tells no one when it is done: the process ends with its last connection
    },
};

const code = await verbs[verb]();
if (code !== undefined) process.exit(code);
