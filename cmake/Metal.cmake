# SPDX-License-Identifier: Apache-2.0
# libmlsel-metal.dylib, the plugin for Apple GPUs. Objective-C is one file, compiled as such by its name; the shaders are
# compiled by the system when the plugin is first used, so no more of Xcode is needed than the command line tools.

# All of the plugin but the device (src/metal/device.h), which the tests have another one of. An object library, as its
# entry must not be left out of what is linked.
set(metal_folder ${PROJECT_SOURCE_DIR}/src/metal)
set(metal_text ${PROJECT_BINARY_DIR}/metal_source.c)
add_custom_command(OUTPUT ${metal_text}
  COMMAND ${CMAKE_COMMAND} -DSHARED=${metal_folder}/shared.h -DSHADERS=${metal_folder}/kernels.metal -DOUT=${metal_text}
                           -P ${PROJECT_SOURCE_DIR}/cmake/EmbedShaders.cmake
  DEPENDS ${metal_folder}/shared.h ${metal_folder}/kernels.metal ${PROJECT_SOURCE_DIR}/cmake/EmbedShaders.cmake VERBATIM)
add_library(mlsel_metal_host OBJECT EXCLUDE_FROM_ALL
  src/metal/backend.c
  src/metal/kmeans.c
  src/metal/knn.c
  src/metal/mlp.c
  src/metal/products.c
  src/metal/slot.c
  src/metal/svm.c
  ${metal_text})
target_include_directories(mlsel_metal_host PUBLIC include src src/metal)
target_link_libraries(mlsel_metal_host PRIVATE mlsel_build_flags Threads::Threads)

if(MLSEL_METAL)
  set_source_files_properties(src/metal/device.m PROPERTIES LANGUAGE C COMPILE_OPTIONS "-fobjc-arc")
  add_library(mlsel_metal MODULE src/metal/device.m)
  target_include_directories(mlsel_metal PRIVATE include src src/metal)
  target_link_libraries(mlsel_metal PRIVATE mlsel_metal_host mlsel_accel mlsel_build_flags Threads::Threads
                                            "-framework Foundation" "-framework Metal" "-framework CoreGraphics")
  set_target_properties(mlsel_metal PROPERTIES PREFIX lib SUFFIX .dylib OUTPUT_NAME mlsel-metal
                        LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/metal.exports)
  target_link_options(mlsel_metal PRIVATE LINKER:-exported_symbols_list,${PROJECT_SOURCE_DIR}/cmake/metal.exports)
  install(TARGETS mlsel_metal LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/mlsel COMPONENT metal EXCLUDE_FROM_ALL)
endif()
