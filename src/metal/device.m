/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device interface over Metal. Built with automatic reference counting; what leaves this file as a pointer owns a
 * reference. No exception leaves it either.
 */
#import <Foundation/Foundation.h>
#import <Metal/Metal.h>

#include <unistd.h>

#include "device.h"

/* What metal_device stands for. */
@interface MlselMetalDevice : NSObject {
  @public
    id<MTLDevice> gpu;
    id<MTLCommandQueue> queue;
    id<MTLComputePipelineState> pipelines[METAL_N_KERNELS];
}
@end

@implementation MlselMetalDevice
@end

static NSString *const kernel_names[METAL_N_KERNELS] = {
#define NAME_OF(name, threads) @ #name,
    METAL_KERNELS(NAME_OF)
#undef NAME_OF
};

static const char *text_of(NSString *text) {
    const char *utf8 = text.UTF8String; /* of nil too, NULL */
    return utf8 == NULL ? "no reason given" : utf8;
}

static mlsel_status fail(mlsel_error *err, mlsel_status code, const char *what, NSString *reason) {
    return mlsel_i_fail(err, code, "device \"metal\": %s: %s", what, text_of(reason));
}

/* The machine's device, or nil and the reason. */
static id<MTLDevice> find_device(mlsel_error *err) {
    id<MTLDevice> gpu = MTLCreateSystemDefaultDevice();
    if (gpu == nil) {
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "no Metal device found");
        return nil;
    }
    if (!gpu.hasUnifiedMemory) {
        mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "%s does not share its memory with the host, as Apple silicon does",
                     text_of(gpu.name));
        return nil;
    }
    return gpu;
}

mlsel_status mlsel_i_metal_look(char *name, size_t size, mlsel_error *err) {
    @autoreleasepool {
        @try {
            id<MTLDevice> gpu = find_device(err);
            if (gpu == nil)
                return MLSEL_ERROR_DEVICE;
            const char *text = text_of(gpu.name);
            size_t used = 0;
            for (; used + 1 < size && text[used] != '\0'; used++)
                name[used] = text[used];
            name[used] = '\0';
            return MLSEL_OK;
        } @catch (NSException *exception) {
            return mlsel_i_fail(err, MLSEL_ERROR_DEVICE, "%s", text_of(exception.reason));
        }
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static id<MTLLibrary> compile(id<MTLDevice> gpu, mlsel_error *err) {
    MTLCompileOptions *options = [[MTLCompileOptions alloc] init];
    options.languageVersion = MTLLanguageVersion3_0;
    options.fastMathEnabled = NO; /* bounds on errors hold for IEEE arithmetic */
    NSString *text = [[NSString alloc] initWithBytes:mlsel_i_metal_source
                                              length:mlsel_i_metal_source_size
                                            encoding:NSUTF8StringEncoding];
    NSError *error = nil;
    id<MTLLibrary> library = [gpu newLibraryWithSource:text options:options error:&error];
    if (library == nil)
        fail(err, MLSEL_ERROR_DEVICE, "the shaders do not compile", error.localizedDescription);
    return library;
}

static id<MTLComputePipelineState> make_pipeline(id<MTLDevice> gpu, id<MTLLibrary> library, metal_kernel kernel,
                                                 mlsel_error *err) {
    id<MTLFunction> function = [library newFunctionWithName:kernel_names[kernel]];
    NSError *error = nil;
    id<MTLComputePipelineState> pipeline = nil;
    if (function == nil) {
        fail(err, MLSEL_ERROR_DEVICE, "there is no such shader", kernel_names[kernel]);
        return nil;
    }
    pipeline = [gpu newComputePipelineStateWithFunction:function error:&error];
    if (pipeline == nil) {
        fail(err, MLSEL_ERROR_DEVICE, "a shader cannot be used", error.localizedDescription);
        return nil;
    }
    if (pipeline.maxTotalThreadsPerThreadgroup < mlsel_i_metal_threads(kernel)) {
        fail(err, MLSEL_ERROR_DEVICE, "too few threads for a shader", kernel_names[kernel]);
        return nil;
    }
    return pipeline;
}

mlsel_status mlsel_i_metal_open(metal_device **out, mlsel_error *err) {
    @autoreleasepool {
        @try {
            MlselMetalDevice *opened = [[MlselMetalDevice alloc] init];
            opened->gpu = find_device(err);
            if (opened->gpu == nil)
                return MLSEL_ERROR_DEVICE;
            opened->queue = [opened->gpu newCommandQueue];
            if (opened->queue == nil)
                return fail(err, MLSEL_ERROR_DEVICE, "no command queue", opened->gpu.name);
            id<MTLLibrary> library = compile(opened->gpu, err);
            if (library == nil)
                return MLSEL_ERROR_DEVICE;
            for (int i = 0; i < METAL_N_KERNELS; i++) {
                opened->pipelines[i] = make_pipeline(opened->gpu, library, (metal_kernel)i, err);
                if (opened->pipelines[i] == nil)
                    return MLSEL_ERROR_DEVICE;
            }
            *out = (metal_device *)(__bridge_retained void *)opened;
            return MLSEL_OK;
        } @catch (NSException *exception) {
            return fail(err, MLSEL_ERROR_DEVICE, "an exception", exception.reason);
        }
    }
}

static MlselMetalDevice *object_of(metal_device *device) { return (__bridge MlselMetalDevice *)(void *)device; }

void mlsel_i_metal_close(metal_device *device) {
    @autoreleasepool {
        MlselMetalDevice *closed = (__bridge_transfer MlselMetalDevice *)(void *)device;
        (void)closed; /* the last reference ends here */
    }
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static mlsel_status no_memory(mlsel_error *err, uint64_t bytes) {
    return mlsel_i_fail(err, MLSEL_ERROR_NO_MEMORY, "device \"metal\": out of memory (%llu bytes)",
                        (unsigned long long)bytes);
}

mlsel_status mlsel_i_metal_alloc(metal_device *device, uint64_t bytes, metal_buffer *out, mlsel_error *err) {
    @autoreleasepool {
        @try {
            id<MTLDevice> gpu = object_of(device)->gpu;
            id<MTLBuffer> buffer = nil;
            if (bytes <= gpu.maxBufferLength)
                buffer = [gpu newBufferWithLength:(NSUInteger)bytes options:MTLResourceStorageModeShared];
            if (buffer == nil)
                return no_memory(err, bytes);
            out->contents = buffer.contents;
            out->offset = 0;
            out->bytes = bytes;
            out->object = (__bridge_retained void *)buffer;
            return MLSEL_OK;
        } @catch (NSException *exception) {
            return fail(err, MLSEL_ERROR_DEVICE, "an exception", exception.reason);
        }
    }
}

/* Pages are all that can be shared, so what is shared is the pages around the memory; kernels only read, and only the
 * part that is meant. */
mlsel_status mlsel_i_metal_wrap(metal_device *device, const void *memory, uint64_t bytes, metal_buffer *out,
                                mlsel_error *err) {
    @autoreleasepool {
        @try {
            id<MTLDevice> gpu = object_of(device)->gpu;
            const uintptr_t page = (uintptr_t)getpagesize(), at = (uintptr_t)memory, start = at / page * page;
            const uintptr_t end = (at + (uintptr_t)bytes + page - 1) / page * page;
            id<MTLBuffer> buffer = nil;
            uint64_t offset = at - start;
            if (end - start <= gpu.maxBufferLength)
                buffer = [gpu newBufferWithBytesNoCopy:(void *)start
                                                length:(NSUInteger)(end - start)
                                               options:MTLResourceStorageModeShared
                                           deallocator:nil];
            if (buffer == nil && bytes <= gpu.maxBufferLength) {
                offset = 0;
                buffer = [gpu newBufferWithBytes:memory
                                          length:(NSUInteger)bytes
                                         options:MTLResourceStorageModeShared];
            }
            if (buffer == nil)
                return no_memory(err, bytes);
            out->contents = (void *)at;
            out->offset = offset;
            out->bytes = bytes;
            out->object = (__bridge_retained void *)buffer;
            return MLSEL_OK;
        } @catch (NSException *exception) {
            return fail(err, MLSEL_ERROR_DEVICE, "an exception", exception.reason);
        }
    }
}

void mlsel_i_metal_free(metal_buffer *buffer) {
    @autoreleasepool {
        if (buffer->object != NULL) {
            id<MTLBuffer> freed = (__bridge_transfer id<MTLBuffer>)buffer->object;
            (void)freed; /* the last reference ends here */
        }
    }
    *buffer = (metal_buffer){0};
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void encode(MlselMetalDevice *device, id<MTLComputeCommandEncoder> encoder, const metal_dispatch *d) {
    [encoder setComputePipelineState:device->pipelines[d->kernel]];
    for (uint32_t i = 0; i < d->n_buffers; i++) {
        const metal_span *span = &d->buffers[i];
        [encoder setBuffer:(__bridge id<MTLBuffer>)span->buffer->object
                    offset:(NSUInteger)(span->buffer->offset + span->offset)
                   atIndex:i];
    }
    [encoder setBytes:d->params length:d->params_bytes atIndex:d->n_buffers];
    if (d->group_bytes > 0)
        [encoder setThreadgroupMemoryLength:d->group_bytes atIndex:0];
    [encoder dispatchThreadgroups:MTLSizeMake(d->groups[0], d->groups[1], 1)
            threadsPerThreadgroup:MTLSizeMake(mlsel_i_metal_threads(d->kernel), 1, 1)];
}

mlsel_status mlsel_i_metal_run(metal_device *device, const metal_dispatch *dispatches, uint32_t count,
                               mlsel_error *err) {
    @autoreleasepool {
        @try {
            MlselMetalDevice *target = object_of(device);
            id<MTLCommandBuffer> commands = [target->queue commandBuffer];
            /* one serial encoder: a dispatch sees what those before it wrote */
            id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoder];
            if (encoder == nil)
                return fail(err, MLSEL_ERROR_DEVICE, "no command buffer", nil);
            for (uint32_t i = 0; i < count; i++)
                encode(target, encoder, &dispatches[i]);
            [encoder endEncoding];
            [commands commit];
            [commands waitUntilCompleted];
            if (commands.status == MTLCommandBufferStatusCompleted)
                return MLSEL_OK;
            NSError *error = commands.error;
            const bool is_memory = error != nil && [error.domain isEqualToString:MTLCommandBufferErrorDomain] &&
                                   error.code == MTLCommandBufferErrorOutOfMemory;
            return fail(err, is_memory ? MLSEL_ERROR_NO_MEMORY : MLSEL_ERROR_DEVICE, "the commands failed",
                        error.localizedDescription);
        } @catch (NSException *exception) {
            return fail(err, MLSEL_ERROR_DEVICE, "an exception", exception.reason);
        }
    }
}
