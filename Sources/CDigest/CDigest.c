#include "CDigest.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))
#define BLOCK 64
// More of them are no faster: the registers do not hold their words.
#define LANES 4
#define UNROLLED _Pragma("clang loop unroll(full)")

// FIPS 180-4, 4.2.2.
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// A message that is being worked on.
struct lane {
    size_t message;
    // Where its next blocks are, and how many: of the message itself, or of its ending.
    const uint8_t *next;
    size_t blocks;
    int is_ending;
    uint32_t state[8];
    uint8_t ending[2 * BLOCK];
};

// The compression function (FIPS 180-4, 6.2.2). Inlined with a constant count, so that all lanes' words are in registers, as
// far as there are so many.
WITH_SHA static inline __attribute__((always_inline)) void
compress(const int count, struct lane *const *lanes, size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    // The instructions want the words of the state as ABEF and CDGH.
    __m128i abef[LANES], cdgh[LANES], words[LANES][4];
    UNROLLED for (int lane = 0; lane < count; lane++) {
        __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)lanes[lane]->state), 0xb1);
        __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(lanes[lane]->state + 4)), 0x1b);
        abef[lane] = _mm_alignr_epi8(badc, hgfe, 8);
        cdgh[lane] = _mm_blend_epi16(hgfe, badc, 0xf0);
    }
    for (size_t block = 0; block < blocks; block++) {
        __m128i former_abef[LANES], former_cdgh[LANES];
        UNROLLED for (int lane = 0; lane < count; lane++) {
            former_abef[lane] = abef[lane];
            former_cdgh[lane] = cdgh[lane];
            UNROLLED for (int word = 0; word < 4; word++) {
                const __m128i *at = (const __m128i *)(lanes[lane]->next + BLOCK * block + 16 * word);
                words[lane][word] = _mm_shuffle_epi8(_mm_loadu_si128(at), big_endian);
            }
        }
        UNROLLED for (int four = 0; four < 16; four++) {
            __m128i constant = _mm_load_si128((const __m128i *)(constants + 4 * four));
            UNROLLED for (int lane = 0; lane < count; lane++) {
                __m128i *w = words[lane];
                if (four >= 4) {
                    __m128i sum = _mm_sha256msg1_epu32(w[four & 3], w[(four + 1) & 3]);
                    sum = _mm_add_epi32(sum, _mm_alignr_epi8(w[(four + 3) & 3], w[(four + 2) & 3], 4));
                    w[four & 3] = _mm_sha256msg2_epu32(sum, w[(four + 3) & 3]);
                }
                __m128i term = _mm_add_epi32(w[four & 3], constant);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], term);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(term, 0x0e));
            }
        }
        UNROLLED for (int lane = 0; lane < count; lane++) {
            abef[lane] = _mm_add_epi32(abef[lane], former_abef[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], former_cdgh[lane]);
        }
    }
    UNROLLED for (int lane = 0; lane < count; lane++) {
        __m128i feba = _mm_shuffle_epi32(abef[lane], 0x1b);
        __m128i dchg = _mm_shuffle_epi32(cdgh[lane], 0xb1);
        _mm_storeu_si128((__m128i *)lanes[lane]->state, _mm_blend_epi16(feba, dchg, 0xf0));
        _mm_storeu_si128((__m128i *)(lanes[lane]->state + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
}

WITH_SHA static void compress_some(int count, struct lane *const *lanes, size_t blocks) {
    switch (count) {
    case 1: compress(1, lanes, blocks); break;
    case 2: compress(2, lanes, blocks); break;
    case 3: compress(3, lanes, blocks); break;
    case 4: compress(4, lanes, blocks); break;
    }
    for (int lane = 0; lane < count; lane++) {
        lanes[lane]->next += BLOCK * blocks;
        lanes[lane]->blocks -= blocks;
    }
}

static void begin(struct lane *lane, size_t message, const uint8_t *data, size_t size) {
    // FIPS 180-4, 5.3.3.
    static const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memcpy(lane->state, initial, sizeof(initial));
    lane->message = message;
    lane->next = data;
    lane->blocks = size / BLOCK;
    lane->is_ending = 0;
}

// FIPS 180-4, 5.1.1: the rest, a bit, and how many bits the message has.
static void end(struct lane *lane, const uint8_t *data, size_t size) {
    size_t rest = size % BLOCK;
    lane->blocks = rest < BLOCK - 8 ? 1 : 2;
    memset(lane->ending, 0, sizeof(lane->ending));
    if (rest > 0) memcpy(lane->ending, data + size - rest, rest);
    lane->ending[rest] = 0x80;
    for (int byte = 0; byte < 8; byte++) {
        lane->ending[lane->blocks * BLOCK - 1 - byte] = (uint8_t)((uint64_t)size * 8 >> 8 * byte);
    }
    lane->next = lane->ending;
    lane->is_ending = 1;
}

static void take(const struct lane *lane, uint8_t *digest) {
    for (int byte = 0; byte < CDIGEST_SIZE; byte++) {
        digest[byte] = (uint8_t)(lane->state[byte / 4] >> (24 - 8 * (byte % 4)));
    }
}

void cdigest_all(const uint8_t *const *data, const size_t *sizes, size_t count, uint8_t *digests) {
    struct lane room[LANES];
    struct lane *lanes[LANES];
    int busy = 0;
    size_t begun = 0;
    for (; busy < LANES && begun < count; busy++, begun++) {
        lanes[busy] = &room[busy];
        begin(lanes[busy], begun, data[begun], sizes[begun]);
    }
    while (busy > 0) {
        size_t blocks = SIZE_MAX;
        for (int index = 0; index < busy;) {
            struct lane *lane = lanes[index];
            if (lane->blocks == 0 && !lane->is_ending) end(lane, data[lane->message], sizes[lane->message]);
            if (lane->blocks > 0) {
                if (lane->blocks < blocks) blocks = lane->blocks;
                index++;
                continue;
            }
            // Whichever is through makes room for the next.
            take(lane, digests + CDIGEST_SIZE * lane->message);
            if (begun < count) {
                begin(lane, begun, data[begun], sizes[begun]);
                begun++;
            } else {
                lanes[index] = lanes[--busy];
            }
        }
        compress_some(busy, lanes, blocks);
    }
}

int cdigest_is_supported(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

#else

void cdigest_all(const uint8_t *const *data, const size_t *sizes, size_t count, uint8_t *digests) {
    (void)data, (void)sizes, (void)count, (void)digests;
}

int cdigest_is_supported(void) { return 0; }

#endif
