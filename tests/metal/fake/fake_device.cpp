/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device of device.h on the CPU. Its memory is the host's, a block for each buffer, so that AddressSanitizer sees
 * what a kernel touches. FAKE_METAL, read at each call, says what is wrong with it: words separated by commas.
 *   no-device     there is none
 *   shader        the shaders do not compile
 *   memory=BYTES  that it has
 *   fail=N        the Nth call that can fail does
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fake_kernels.h"

static bool has_word(const char *word) {
    const char *all = getenv("FAKE_METAL");
    return all != NULL && strstr(all, word) != NULL;
}

static uint64_t number_of(const char *word, uint64_t otherwise) {
    const char *all = getenv("FAKE_METAL");
    const char *at = all == NULL ? NULL : strstr(all, word);
    return at == NULL ? otherwise : strtoull(at + strlen(word), NULL, 10);
}

static std::atomic<uint64_t> n_calls, n_live, n_dispatches, used;

extern "C" {
__attribute__((visibility("default"))) uint64_t fake_metal_calls(void);
__attribute__((visibility("default"))) uint64_t fake_metal_live(void);
__attribute__((visibility("default"))) uint64_t fake_metal_dispatches(void);
}
uint64_t fake_metal_calls(void) { return n_calls; }
/* Devices and buffers that have not been freed. */
uint64_t fake_metal_live(void) { return n_live; }
uint64_t fake_metal_dispatches(void) { return n_dispatches; }

/* Whether this call fails. */
static bool fails() { return ++n_calls == number_of("fail=", 0); }

struct metal_device {
    int unused;
};

mlsel_status mlsel_i_metal_look(char *name, size_t size, mlsel_error *err) {
    if (has_word("no-device") || fails())
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "no Metal device found");
    snprintf(name, size, "emulated device");
    return MLSEL_OK;
}

mlsel_status mlsel_i_metal_open(metal_device **out, mlsel_error *err) {
    if (fails())
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"metal\": no command queue");
    if (has_word("shader"))
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"metal\": the shaders do not compile: %s",
                            "program_source:1:1: error: expected a shader");
    if (mlsel_i_metal_source_size == 0 || memchr(mlsel_i_metal_source, '\0', mlsel_i_metal_source_size) != NULL)
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"metal\": the shaders are no text");
    *out = new metal_device();
    n_live++;
    return MLSEL_OK;
}

void mlsel_i_metal_close(metal_device *device) {
    delete device;
    n_live--;
}

mlsel_status mlsel_i_metal_alloc(metal_device *, uint64_t bytes, metal_buffer *out, mlsel_error *err) {
    if (bytes == 0)
        return mlsel_i_fail(err, MLSEL_ERROR_INTERNAL, "device \"metal\": a buffer of nothing");
    const bool is_bad = fails();
    if (is_bad || used + bytes > number_of("memory=", UINT64_MAX / 2))
        return mlsel_i_fail(err, MLSEL_ERROR_NO_MEMORY, "device \"metal\": out of memory (%llu bytes)",
                            (unsigned long long)bytes);
    void *memory = malloc((size_t)bytes);
    if (memory == NULL)
        return mlsel_i_no_memory(err);
    memset(memory, 0xff, (size_t)bytes); /* NaN in every format */
    n_live++;
    used += bytes;
    *out = metal_buffer{memory, 0, memory, bytes};
    return MLSEL_OK;
}

mlsel_status mlsel_i_metal_wrap(metal_device *, const void *memory, uint64_t bytes, metal_buffer *out,
                                mlsel_error *err) {
    if (fails())
        return mlsel_i_fail(err, MLSEL_ERROR_NO_MEMORY, "device \"metal\": out of memory (%llu bytes)",
                            (unsigned long long)bytes);
    n_live++;
    *out = metal_buffer{NULL, 0, const_cast<void *>(memory), bytes};
    return MLSEL_OK;
}

void mlsel_i_metal_free(metal_buffer *buffer) {
    if (buffer->contents == NULL)
        return;
    n_live--;
    if (buffer->object != NULL)
        used -= buffer->bytes;
    free(buffer->object);
    *buffer = metal_buffer{};
}

mlsel_status mlsel_i_metal_run(metal_device *, const metal_dispatch *dispatches, uint32_t count, mlsel_error *err) {
    if (fails())
        return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "device \"metal\": the commands failed: %s", "an emulated fault");
    for (uint32_t i = 0; i < count; i++) {
        fake_kernels_run(dispatches[i]);
        n_dispatches++;
    }
    return MLSEL_OK;
}
