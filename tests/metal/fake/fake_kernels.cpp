/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_kernels.h"

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "lanes.h"

/* A group in progress. */
struct launch {
    const metal_dispatch *dispatch;
    void *buffers[METAL_MAX_BUFFERS];
    unsigned x, y;
};

[[noreturn]] static void disagree(const metal_dispatch &d, const char *what) {
    std::fprintf(stderr, "kernel %d: host and shader do not agree on %s\n", (int)d.kernel, what);
    std::abort();
}

#include "kernels.metal"
#undef kernel
#undef device
#undef constant
#undef threadgroup

/* Parameter `index` of a kernel: a buffer, the constants, threadgroup memory, the group or the thread. */
template <typename T>
static T parameter(const launch &l, uint32_t index) {
    if constexpr (std::is_pointer_v<T>)
        return (T)(index < l.dispatch->n_buffers ? l.buffers[index] : lanes_shared());
    else if constexpr (std::is_reference_v<T>)
        return *(std::remove_reference_t<T> *)(const void *)l.dispatch->params;
    else if constexpr (std::is_same_v<T, uint3>)
        return uint3{l.x, l.y, 0};
    else
        return lanes_thread();
}

/* Buffers come first, then the constants, and memory only where there is some. */
template <typename... P>
static void check(void (*)(P...), const metal_dispatch &d) {
    constexpr bool is_reference[] = {std::is_reference_v<P>...}, is_pointer[] = {std::is_pointer_v<P>...};
    constexpr size_t sizes[] = {sizeof(std::remove_reference_t<P>)...};
    uint32_t n_buffers = 0;
    while (is_pointer[n_buffers])
        n_buffers++;
    if (n_buffers != d.n_buffers || !is_reference[n_buffers])
        disagree(d, "buffers");
    if (sizes[n_buffers] != d.params_bytes)
        disagree(d, "constants");
    if (is_pointer[n_buffers + 1] != (d.group_bytes > 0) || d.group_bytes % 16 != 0)
        disagree(d, "threadgroup memory");
}

template <typename... P, size_t... I>
static void call(void (*function)(P...), const launch &l, std::index_sequence<I...>) {
    function(parameter<P>(l, (uint32_t)I)...);
}

template <typename... P>
static void call(void (*function)(P...), const launch &l) {
    check(function, *l.dispatch);
    call(function, l, std::index_sequence_for<P...>());
}

static void run_thread(void *context) {
    const launch &l = *(const launch *)context;
    switch (l.dispatch->kernel) {
#define CALL(name, threads)                                                                                            \
    case METAL_##name:                                                                                                 \
        call(name, l);                                                                                                 \
        return;
        METAL_KERNELS(CALL)
#undef CALL
    default:
        disagree(*l.dispatch, "which kernels there are");
    }
}

void fake_kernels_run(const metal_dispatch &d) {
    launch l = {};
    l.dispatch = &d;
    for (uint32_t i = 0; i < d.n_buffers; i++)
        l.buffers[i] = (char *)d.buffers[i].buffer->contents + d.buffers[i].offset;
    for (l.y = 0; l.y < d.groups[1]; l.y++)
        for (l.x = 0; l.x < d.groups[0]; l.x++)
            lanes_run(mlsel_i_metal_threads(d.kernel), run_thread, &l, d.group_bytes);
}
