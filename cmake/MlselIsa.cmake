# SPDX-License-Identifier: Apache-2.0
# Kernels for instruction sets beyond the baseline: one file each, with its own flags, chosen at run time. Link-time
# optimisation could move their code into functions that run before the choice, so it is off for these files. Without
# optimisation gcc's intrinsics are macros that convert signs.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  target_sources(mlsel_objects PRIVATE src/cpu/kernels_avx2.c src/cpu/kernels_avx512.c
                                       src/cpu/kernels_avx512vnni.c src/cpu/panel_avx2.c src/cpu/panel_avx512.c)
  set_source_files_properties(src/cpu/kernels_avx2.c src/cpu/panel_avx2.c PROPERTIES COMPILE_OPTIONS
                              "-mavx2;-mfma;-fno-lto;-Wno-sign-conversion")
  set_source_files_properties(src/cpu/kernels_avx512.c src/cpu/panel_avx512.c PROPERTIES COMPILE_OPTIONS
                              "-mavx2;-mfma;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-fno-lto;-Wno-sign-conversion")
  set_source_files_properties(src/cpu/kernels_avx512vnni.c PROPERTIES COMPILE_OPTIONS
                              "-mavx2;-mavx512f;-mavx512bw;-mavx512vnni;-fno-lto;-Wno-sign-conversion")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  target_sources(mlsel_objects PRIVATE src/cpu/kernels_neon.c src/cpu/panel_neon.c)
endif()
