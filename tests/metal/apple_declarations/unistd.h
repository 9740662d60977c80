/* SPDX-License-Identifier: Apache-2.0 */
/* What src/metal/device.m uses of the system's header. */
#ifndef APPLE_DECLARATIONS_UNISTD_H
#define APPLE_DECLARATIONS_UNISTD_H

int getpagesize(void);

#endif
