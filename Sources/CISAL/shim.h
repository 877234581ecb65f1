// What of ISA-L's interface Swift cannot import: sums of macros, and fields behind an array of 64 KiB.
#pragma once
#include <isa-l/igzip_lib.h>

/// How many bytes of memory a level wants; the size that its documentation calls small, as what a larger one gains, at
/// most a fifth of the time, it gains on bytes that do not shrink.
static inline uint32_t cisal_level_buffer_size(uint32_t level) {
    switch (level) {
    case 1: return ISAL_DEF_LVL1_SMALL;
    case 2: return ISAL_DEF_LVL2_SMALL;
    default: return ISAL_DEF_LVL3_SMALL;
    }
}

/// Between two blocks, with nothing more to put out.
static inline int cisal_is_between_blocks(const struct isal_zstream *stream) {
    return stream->internal_state.state == ZSTATE_NEW_HDR;
}
