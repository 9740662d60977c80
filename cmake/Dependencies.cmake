# SPDX-License-Identifier: Apache-2.0
# cJSON holds the small parts of artifacts, libyaml finds the tokens of configurations; of xxHash only the header is used,
# inlined, so it is no run-time dependency.
find_path(MLSEL_CJSON_INCLUDE_DIR cjson/cJSON.h)
find_library(MLSEL_CJSON_LIBRARY cjson)
find_path(MLSEL_YAML_INCLUDE_DIR yaml.h)
find_library(MLSEL_YAML_LIBRARY yaml)
find_path(MLSEL_XXHASH_INCLUDE_DIR xxhash.h)
foreach(need "CJSON_INCLUDE_DIR;libcjson-dev" "CJSON_LIBRARY;libcjson-dev" "XXHASH_INCLUDE_DIR;libxxhash-dev"
             "YAML_INCLUDE_DIR;libyaml-dev" "YAML_LIBRARY;libyaml-dev")
  list(GET need 0 variable)
  list(GET need 1 package)
  if(NOT MLSEL_${variable})
    message(FATAL_ERROR "${package} is missing (Debian: apt-get install ${package}; or set MLSEL_${variable})")
  endif()
endforeach()

add_library(mlsel_cjson INTERFACE)
target_include_directories(mlsel_cjson SYSTEM INTERFACE ${MLSEL_CJSON_INCLUDE_DIR})
target_link_libraries(mlsel_cjson INTERFACE ${MLSEL_CJSON_LIBRARY})

add_library(mlsel_xxhash INTERFACE)
target_include_directories(mlsel_xxhash SYSTEM INTERFACE ${MLSEL_XXHASH_INCLUDE_DIR})

add_library(mlsel_yaml INTERFACE)
target_include_directories(mlsel_yaml SYSTEM INTERFACE ${MLSEL_YAML_INCLUDE_DIR})
