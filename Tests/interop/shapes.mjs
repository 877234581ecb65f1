// The messages that go to the echo server and back, as JavaScript's clients make them: node's `ws` and a browser.

// Around each length that RFC 6455 §5.2 writes differently, and some that no buffer holds in one piece.
export const sizes = [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 5_000_000];
export const flightCount = 2_000;

const pattern = new TextEncoder().encode("nosocks keeps ☂ a folder é the same 🙂 on many machines. ");

// So many bytes of UTF-8.
export function text(size) {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += pattern.length) bytes.set(pattern.subarray(0, size - at), at);
    // A decoder that expects more leaves out what a cut character begins with.
    const whole = new TextDecoder().decode(bytes, { stream: true });
    return whole + ".".repeat(size - new TextEncoder().encode(whole).length);
}

// Bytes that do not deflate: xorshift32.
export function binary(size) {
    const words = new Uint32Array((size >> 2) + 1);
    let state = size * 2_654_435_761 >>> 0 || 1;
    for (let place = 0; place < words.length; place++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        words[place] = state;
    }
    return new Uint8Array(words.buffer, 0, size);
}

export function messages() {
    return sizes.flatMap((size) => [text(size), binary(size)]);
}

export function flight() {
    return Array.from({ length: flightCount }, (_, number) => number % 2 ? text(number % 700) : binary(number % 1_500));
}

// Whether `data`, a string or bytes, is the very message.
export function isSame(message, data) {
    if (typeof message === "string" || typeof data === "string") return message === data;
    const bytes = new Uint8Array(data);
    if (message.length !== bytes.length) return false;
    for (let place = 0; place < bytes.length; place++) if (message[place] !== bytes[place]) return false;
    return true;
}
