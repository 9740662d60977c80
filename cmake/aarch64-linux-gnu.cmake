# SPDX-License-Identifier: Apache-2.0
# Toolchain file: cross build for 64-bit Arm Linux with Debian's compiler; programs run under qemu-user.
# Packages: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user. The libraries of others have to be built for that
# processor: scripts/static-libraries.sh does (`scripts/test.sh arm64` with the preset, scripts/check-static.sh arm64).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
find_program(MLSEL_CROSS_CXX aarch64-linux-gnu-g++) # tests in C++ are left out without
set(CMAKE_CXX_COMPILER ${MLSEL_CROSS_CXX})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
