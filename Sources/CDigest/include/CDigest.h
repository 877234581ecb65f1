// SHA-256 (FIPS 180-4) of several messages side by side, with the processor's own instructions for it: each round of one
// waits for the round before it, and meanwhile the processor has time for the others.
#pragma once

#include <stddef.h>
#include <stdint.h>

// In bytes.
#define CDIGEST_SIZE 32

// Whether the processor has the instructions. Without them nothing else may be called.
int cdigest_is_supported(void);

// The digests, one after the other, of `count` messages: where their bytes are, and how many.
void cdigest_all(const uint8_t *const *data, const size_t *sizes, size_t count, uint8_t *digests);
