# SPDX-License-Identifier: Apache-2.0
# `cmake --build BUILD --target docs`: the reference of the C interface as HTML in BUILD/docs/html, made of the headers.
find_program(MLSEL_DOXYGEN doxygen)
mark_as_advanced(MLSEL_DOXYGEN)
if(PROJECT_IS_TOP_LEVEL AND MLSEL_DOXYGEN)
  add_custom_target(docs COMMAND sh ${PROJECT_SOURCE_DIR}/scripts/check-docs.sh ${PROJECT_BINARY_DIR}/docs
                    COMMENT "Making the reference of the C interface" VERBATIM)
endif()
