/* SPDX-License-Identifier: Apache-2.0 */
/* Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 14.3 and 15.2 (detection of AVX and
 * AVX-512). */
#include "features.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* Which register states the operating system saves. Callable only where OSXSAVE is set. */
static uint64_t saved_states(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static cpu_features detect(void) {
    cpu_features found = {0};
    unsigned a, b, c, d;
    const unsigned basics = bit_OSXSAVE | bit_FMA | bit_F16C;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & basics) != basics)
        return found;
    const uint64_t saved = saved_states();
    const uint64_t avx_states = 0x6, avx512_states = 0xe6;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (saved & avx_states) != avx_states)
        return found;
    const unsigned avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    found.avx2 = (b & bit_AVX2) != 0;
    found.avx512 = found.avx2 && (b & avx512) == avx512 && (saved & avx512_states) == avx512_states;
    found.avx512vnni = found.avx512 && (c & bit_AVX512VNNI) != 0;
    const unsigned bf16 = 1u << 5; /* of leaf 7, subleaf 1 */
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
        found.avx512bf16 = found.avx512vnni && (a & bf16) != 0;
    return found;
}

void mlsel_i_cpu_name(char *out, size_t size) {
    unsigned words[12]; /* three leaves of four registers */
    char name[sizeof words + 1];
    snprintf(out, size, "host processor");
    unsigned leaf = 0x80000002;
    for (unsigned *w = words; w < words + 12; w += 4)
        if (!__get_cpuid(leaf++, &w[0], &w[1], &w[2], &w[3]))
            return;
    memcpy(name, words, sizeof words);
    name[sizeof words] = '\0';
    const char *first = name + strspn(name, " ");
    if (*first != '\0')
        snprintf(out, size, "%s", first);
}

#else

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* The kernel's documentation, arm64/elf_hwcaps: HWCAP_ASIMDDP and HWCAP2_BF16. Old headers lack the names. */
static cpu_features detect(void) {
    cpu_features found = {0};
    const unsigned long asimddp = 1ul << 20, bf16 = 1ul << 14;
    found.neondot = (getauxval(AT_HWCAP) & asimddp) != 0;
    found.neonbf16 = found.neondot && (getauxval(AT_HWCAP2) & bf16) != 0;
    return found;
}
#else
static cpu_features detect(void) { return (cpu_features){0}; }
#endif

void mlsel_i_cpu_name(char *out, size_t size) { snprintf(out, size, "host processor"); }

#endif

/* In a virtual machine each CPUID instruction is a trip to the host and back, so the answer is kept, in one word.
 * Threads that ask for the first time at once all find the same. */
cpu_features mlsel_i_cpu_features(void) {
    static _Atomic uint64_t kept;
    unsigned char bytes[sizeof(uint64_t)] = {0};
    cpu_features found;
    _Static_assert(sizeof found < sizeof bytes, "the last byte says that there is an answer");
    uint64_t word = atomic_load_explicit(&kept, memory_order_relaxed);
    if (word == 0) {
        found = detect();
        memcpy(bytes, &found, sizeof found);
        bytes[sizeof bytes - 1] = 1;
        memcpy(&word, bytes, sizeof word);
        atomic_store_explicit(&kept, word, memory_order_relaxed);
    }
    memcpy(&found, &word, sizeof found);
    return found;
}
