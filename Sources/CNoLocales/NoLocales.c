// Foundation's ICU takes its data of all the world's locales, 34 MB, from this symbol. Nothing here speaks of locales: so
// it finds a package with nothing in it (icu4c, udata.h and ucmndata.h: a header, and a table of contents without entries).

#include <stdint.h>

#if defined(__linux__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define IS_BIG_ENDIAN 1
#else
#define IS_BIG_ENDIAN 0
#endif

typedef struct {
    uint16_t headerSize;
    uint8_t magic1, magic2;
    uint16_t size, reservedWord;
    uint8_t isBigEndian, charsetFamily, sizeofUChar, reservedByte;
    uint8_t dataFormat[4], formatVersion[4], dataVersion[4];
    uint8_t padding[8];
    uint32_t count;
} Package;

__attribute__((aligned(16))) const Package icudt76_dat = {
    32, 0xda, 0x27, 20, 0, IS_BIG_ENDIAN, 0, 2, 0, {'C', 'm', 'n', 'D'}, {1, 0, 0, 0}, {0, 0, 0, 0}, {0}, 0,
};
#endif
