# SPDX-License-Identifier: Apache-2.0
# cmake -DSHARED=shared.h -DSHADERS=kernels.metal -DOUT=source.c -P EmbedShaders.cmake
# Makes one text of the shaders and the header they include, as an array of bytes: C has no string literals of that
# length.
file(READ ${SHARED} shared)
file(READ ${SHADERS} shaders)
string(REPLACE "#include \"shared.h\"\n" "${shared}" text "${shaders}")
if(text STREQUAL shaders)
  message(FATAL_ERROR "${SHADERS} does not include shared.h")
endif()
file(WRITE ${OUT}.metal "${text}")
file(READ ${OUT}.metal bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "/* Made of kernels.metal and shared.h by cmake/EmbedShaders.cmake. */
#include <stddef.h>

extern const char mlsel_i_metal_source[];
extern const size_t mlsel_i_metal_source_size;

const char mlsel_i_metal_source[] = {
${bytes}
};
const size_t mlsel_i_metal_source_size = sizeof mlsel_i_metal_source;
")
