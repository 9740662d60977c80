# SPDX-License-Identifier: Apache-2.0
# What compilers and linkers have against the use of memory errors, as far as this toolchain knows it; docs/checks.md has
# what it costs. tests/hardening looks whether it is in what was built.
include(CheckCSourceCompiles)
include(CheckLinkerFlag)

# A sanitizer finds the same errors sooner, and does not know the functions that _FORTIFY_SOURCE calls.
cmake_dependent_option(MLSEL_HARDENING "Build with the compiler's and linker's protections" ON "NOT MLSEL_SANITIZE" OFF)
add_library(mlsel_hardening INTERFACE)
set(MLSEL_FORTIFY_LEVEL 0)
if(NOT MLSEL_HARDENING)
  return()
endif()

# mlsel_hardening_flag(VARIABLE FLAG): for C and C++, and for the host's part of CUDA
function(mlsel_hardening_flag variable flag)
  set(CMAKE_REQUIRED_FLAGS -Werror) # else an argument that is not used passes
  check_c_compiler_flag(${flag} ${variable})
  if(${variable})
    target_compile_options(mlsel_hardening INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:${flag}>
                                                     $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${flag}>)
  endif()
endfunction()

mlsel_hardening_flag(MLSEL_HAS_STACK_PROTECTOR -fstack-protector-strong)
mlsel_hardening_flag(MLSEL_HAS_STACK_CLASH_PROTECTION -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  mlsel_hardening_flag(MLSEL_HAS_CF_PROTECTION -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$" AND NOT APPLE)
  mlsel_hardening_flag(MLSEL_HAS_BRANCH_PROTECTION -mbranch-protection=standard)
endif()

# The C library says with a warning if it takes a level for a lower one; it needs optimisation for any.
foreach(level 3 2)
  set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level}")
  check_c_source_compiles("#include <stdio.h>\nint main(void) { return puts(\"\"); }" MLSEL_HAS_FORTIFY_${level})
  if(MLSEL_HAS_FORTIFY_${level})
    set(MLSEL_FORTIFY_LEVEL ${level})
    break()
  endif()
endforeach()
unset(CMAKE_REQUIRED_FLAGS)
if(MLSEL_FORTIFY_LEVEL)
  target_compile_options(mlsel_hardening INTERFACE
    "$<$<AND:$<COMPILE_LANGUAGE:C,CXX>,$<CONFIG:Release,RelWithDebInfo,MinSizeRel>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=${MLSEL_FORTIFY_LEVEL}>")
endif()

if(CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF")
  target_link_options(mlsel_hardening INTERFACE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()
