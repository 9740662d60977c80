# SPDX-License-Identifier: Apache-2.0
# Kernels for instruction sets beyond the baseline: one file each, with its own flags, chosen at run time. Link-time
# optimisation could move their code into functions that run before the choice, so it is off for these files. Without
# optimisation gcc's intrinsics are macros that convert signs.

# mlsel_isa_sources(FLAGS file...)
function(mlsel_isa_sources flags)
  if(MLSEL_FUZZ) # clang 14 needs many minutes for some of these files with that check, which the preset asan-ubsan has
    list(APPEND flags -fno-sanitize=signed-integer-overflow)
  endif()
  target_sources(mlsel_objects PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${flags};-fno-lto;-Wno-sign-conversion")
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  mlsel_isa_sources("${avx2}" src/cpu/kernels_avx2.c src/cpu/low_avx2.c src/cpu/panel_avx2.c)
  mlsel_isa_sources("${avx512}" src/cpu/kernels_avx512.c src/cpu/low_avx512.c src/cpu/panel_avx512.c)
  mlsel_isa_sources("${avx512};-mavx512vnni" src/cpu/kernels_avx512vnni.c src/cpu/low_avx512vnni.c)
  mlsel_isa_sources("${avx512};-mavx512bf16" src/cpu/low_avx512bf16.c)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  target_sources(mlsel_objects PRIVATE src/cpu/kernels_neon.c src/cpu/low_neon.c src/cpu/panel_neon.c)
  mlsel_isa_sources("-march=armv8.2-a+dotprod" src/cpu/kernels_neondot.c src/cpu/low_neondot.c)
  mlsel_isa_sources("-march=armv8.2-a+bf16" src/cpu/low_neonbf16.c)
endif()
