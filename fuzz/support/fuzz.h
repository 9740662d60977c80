/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzzer includes: the entry points that libFuzzer (or replay.c) calls, and how a fuzzer says what is wrong.
 */
#ifndef MLSEL_FUZZ_H
#define MLSEL_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The fuzzer's own. One input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Optional: called once before the first input. Returns 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Optional: changes `size` bytes of data in place, up to max_size. Returns the new size. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* libFuzzer's mutations of bytes, for custom mutators. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* What must hold for every input. If it does not, prints the place and the condition and aborts, which is a finding. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition, ""))
/* The same with what to know about it, as printf has it. */
#define FUZZ_CHECK_THAT(condition, ...)                                                                                \
    ((condition) ? (void)0 : fuzz_failed_with(__FILE__, __LINE__, #condition, __VA_ARGS__))

_Noreturn void fuzz_failed(const char *file, int line, const char *condition, const char *more);
_Noreturn void fuzz_failed_with(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
