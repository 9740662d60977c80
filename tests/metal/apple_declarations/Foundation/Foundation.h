/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of Foundation as src/metal/device.m uses, by its public documentation
 * (https://developer.apple.com/documentation/foundation), so that the file can be checked by a compiler where there is
 * no Mac. Nothing here can be linked.
 */
#ifndef APPLE_DECLARATIONS_FOUNDATION_H
#define APPLE_DECLARATIONS_FOUNDATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef bool BOOL; /* on Apple silicon */
#define YES __objc_yes
#define NO __objc_no
#define nil ((id)0)

typedef unsigned long NSUInteger;
typedef long NSInteger;

#define NS_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define NS_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end")

NS_ASSUME_NONNULL_BEGIN

@protocol NSObject
@end

__attribute__((objc_root_class))
@interface NSObject<NSObject>
+ (instancetype)alloc;
- (instancetype)init;
@end

typedef NSUInteger NSStringEncoding;
enum { NSUTF8StringEncoding = 4 };

@interface NSString : NSObject
@property(readonly, nullable) const char *UTF8String;
- (nullable instancetype)initWithBytes:(const void *)bytes
                                length:(NSUInteger)length
                              encoding:(NSStringEncoding)encoding;
- (BOOL)isEqualToString:(NSString *)other;
@end

/* The compiler makes string literals of this class. */
@interface NSConstantString : NSString
@end

typedef NSString *NSErrorDomain;

@interface NSError : NSObject
@property(readonly) NSInteger code;
@property(readonly, copy) NSErrorDomain domain;
@property(readonly, copy) NSString *localizedDescription;
@end

@interface NSException : NSObject
@property(nullable, readonly, copy) NSString *reason;
@end

NS_ASSUME_NONNULL_END

#endif
