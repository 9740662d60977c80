/* SPDX-License-Identifier: Apache-2.0 */
/* --wrap sends calls of NAME to __wrap_NAME, and those of __real_NAME to NAME. */
#ifndef MLSEL_TEST_WRAP_H
#define MLSEL_TEST_WRAP_H

#define WRAP(type, name, parameters)                                                                                   \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters

#endif
