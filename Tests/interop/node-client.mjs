// node's `ws`, as Debian packages it, as a client: does what its first argument says to a server, and prints what it
// saw as one line of JSON. A failure is a line on stderr and status 1.
//
//   node node-client.mjs echo URL        whole echo sessions, one by each offer of deflate
//   node node-client.mjs dial URL OPTIONS SUBPROTOCOL...
//                                        one upgrade; OPTIONS are of `ws`, as JSON, and `send`: what to say then
//   node node-client.mjs hold URL SECONDS
//                                        a connection that is not used for so long, and then is
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import * as shapes from "./shapes.mjs";

const require = createRequire(import.meta.url);
const WebSocket = require("ws");
const version = require("ws/package.json").version;

// What is offered, by name; the driver knows what must be answered.
const offers = {
    "without deflate": false,
    "as it comes": true,
    "no takeover": { serverNoContextTakeover: true, clientNoContextTakeover: true },
    "server window 9": { serverMaxWindowBits: 9 },
    "client window 10": { clientMaxWindowBits: 10 },
    "everything small too": { serverMaxWindowBits: 10, clientMaxWindowBits: 12, threshold: 0 },
};

function must(condition, what) {
    if (!condition) throw new Error(what);
}

// The events of a socket in their order, as promises.
class Listener {
    constructor(socket) {
        this.socket = socket;
        this.events = [];
        this.waiting = null;
        const tell = (event) => {
            this.events.push(event);
            this.waiting?.();
        };
        socket.on("upgrade", (answer) => { this.upgrade = answer; });
        socket.on("open", () => tell({ type: "open" }));
        socket.on("message", (data, isBinary) => tell({ type: "message", data: isBinary ? data : data.toString() }));
        socket.on("pong", (data) => tell({ type: "pong", data }));
        socket.on("close", (code, reason) => tell({ type: "close", code, reason: reason.toString() }));
        socket.on("error", (error) => { this.error = error.message; });
        socket.on("unexpected-response", (_, answer) => {
            let body = "";
            answer.on("data", (piece) => { body += piece; });
            answer.on("end", () => tell({ type: "refused", status: answer.statusCode, body: body.trim() }));
        });
    }

    async next(type) {
        while (!this.events.length) await new Promise((resume) => { this.waiting = resume; });
        const event = this.events.shift();
        must(!type || event.type === type, `${event.type} (${this.error ?? event.code}) instead of ${type}`);
        return event;
    }
}

async function dial(url, subprotocols, options) {
    const listener = new Listener(new WebSocket(url, subprotocols, { maxPayload: 1 << 30, ...options }));
    await listener.next("open");
    return listener;
}

async function echo(url) {
    const answers = {};
    for (const [name, perMessageDeflate] of Object.entries(offers)) {
        const listener = await dial(url, [], { perMessageDeflate });
        const { socket } = listener;
        answers[name] = listener.upgrade.headers["sec-websocket-extensions"] ?? null;
        for (const message of shapes.messages()) {
            socket.send(message);
            const { data } = await listener.next("message");
            must(shapes.isSame(message, data), `${name}: not the same for ${message.length} of ${typeof message}`);
        }
        socket.close();
        await listener.next("close");
    }
    for (const perMessageDeflate of [false, true]) {
        const listener = await dial(url, [], { perMessageDeflate });
        await fragments(listener);
        await flight(listener);
        listener.socket.terminate();
        for (const [code, reason] of [[1000, ""], [1001, "going"], [3000, "a library's"], [4999, "☂".repeat(41)]]) {
            const closing = await dial(url, [], { perMessageDeflate });
            closing.socket.close(code, reason);
            must((await closing.next("close")).code === code, `another code came back for ${code}`);
        }
        const large = await dial(url, [], { perMessageDeflate });
        large.socket.send(new Uint8Array((16 << 20) + 1));
        const { code, reason } = await large.next("close");
        must(code === 1009 && reason, `${code} "${reason}" for a message too large`);
    }
    return { version, answers };
}

async function fragments(listener) {
    const { socket } = listener;
    const whole = Buffer.from(shapes.text(70_000));
    // One byte a fragment, so within characters as well; then the rest, and pings between.
    for (let place = 0; place < 500; place++) {
        socket.send(whole.subarray(place, place + 1), { binary: false, fin: false });
    }
    socket.ping("in between");
    socket.send(whole.subarray(500), { binary: false, fin: true });
    must((await listener.next("pong")).data.toString() === "in between", "another pong");
    must((await listener.next("message")).data === whole.toString(), "a text in fragments is another");
    for (const payload of [Buffer.alloc(0), Buffer.from(shapes.binary(125))]) {
        socket.ping(payload);
        must((await listener.next("pong")).data.equals(payload), `another pong for ${payload.length} bytes`);
    }
    socket.pong("that nobody asked for");
}

async function flight(listener) {
    const messages = shapes.flight();
    for (const message of messages) listener.socket.send(message);
    for (const [number, message] of messages.entries()) {
        must(shapes.isSame(message, (await listener.next("message")).data), `message ${number} in flight is another`);
    }
}

async function upgrade(url, options, subprotocols) {
    const { send, caFile, ...own } = JSON.parse(options);
    if (caFile) own.ca = readFileSync(caFile);
    const listener = new Listener(new WebSocket(url, subprotocols, own));
    const first = await listener.next();
    if (first.type !== "open") return { ...first, error: listener.error };
    const result = { status: 101, subprotocol: listener.socket.protocol, extensions: listener.socket.extensions };
    if (send) {
        listener.socket.send(send.text ?? Buffer.from(send.base64, "base64"));
    } else {
        listener.socket.close(1000);
    }
    const { code, reason } = await listener.next("close");
    return { ...result, code, reason };
}

async function hold(url, seconds) {
    const listener = await dial(url, [], {});
    await new Promise((resume) => setTimeout(resume, seconds * 1000));
    listener.socket.send("still there");
    return (await listener.next("message")).data;
}

const verbs = { echo, dial: upgrade, hold };
const [verb, url, options, ...subprotocols] = process.argv.slice(2);
try {
    console.log(JSON.stringify(await verbs[verb](url, options, subprotocols)));
    process.exit(0);
} catch (error) {
    console.error(`${verb}: ${error.message}`);
    process.exit(1);
}
