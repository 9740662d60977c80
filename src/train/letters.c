/* SPDX-License-Identifier: Apache-2.0 */
#include "letters.h"

static uint32_t lower_latin(uint32_t c) {
    if (c < 0x100)
        return c >= 0xc0 && c <= 0xde && c != 0xd7 ? c + 32 : c;
    /* pairs, of which the capital is even, or odd in two stretches */
    const bool is_odd_pair = (c >= 0x139 && c <= 0x148) || c >= 0x179;
    if (c == 0x130)
        return 'i';
    if (c == 0x138 || c == 0x149 || c == 0x17f)
        return c;
    if (c == 0x178)
        return 0xff;
    return is_odd_pair ? c + (c & 1) : c | 1;
}

static uint32_t lower_greek(uint32_t c) {
    if (c >= 0x391 && c <= 0x3ab && c != 0x3a2)
        return c + 32;
    if (c >= 0x388 && c <= 0x38a)
        return c + 37;
    switch (c) {
    case 0x386:
        return 0x3ac;
    case 0x38c:
        return 0x3cc;
    case 0x38e:
    case 0x38f:
        return c + 63;
    case 0x3c2: /* the sigma that ends words */
        return 0x3c3;
    default:
        return c;
    }
}

static uint32_t lower_cyrillic(uint32_t c) {
    if (c < 0x410)
        return c + 80;
    if (c < 0x430)
        return c + 32;
    if ((c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) || c >= 0x4d0)
        return c | 1;
    if (c >= 0x4c0 && c <= 0x4ce)
        return c == 0x4c0 ? 0x4cf : c + (c & 1);
    return c;
}

uint32_t mlsel_i_lower(uint32_t c) {
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c < 0x180)
        return lower_latin(c);
    if (c >= 0x370 && c < 0x400)
        return lower_greek(c);
    return c >= 0x400 && c < 0x530 ? lower_cyrillic(c) : c;
}
