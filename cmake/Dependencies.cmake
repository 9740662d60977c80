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

# LIBSVM trains the SVMs of libmlsel_train; nothing else needs it.
if(MLSEL_BUILD_TRAIN AND MLSEL_WITH_LIBSVM)
  find_path(MLSEL_SVM_INCLUDE_DIR svm.h PATH_SUFFIXES libsvm)
  find_library(MLSEL_SVM_LIBRARY svm)
  foreach(variable SVM_INCLUDE_DIR SVM_LIBRARY)
    if(NOT MLSEL_${variable})
      message(FATAL_ERROR "libsvm-dev is missing (Debian: apt-get install libsvm-dev; or set MLSEL_${variable}; or "
                          "train no SVMs: -DMLSEL_WITH_LIBSVM=OFF)")
    endif()
  endforeach()
  add_library(mlsel_svm INTERFACE)
  target_include_directories(mlsel_svm SYSTEM INTERFACE ${MLSEL_SVM_INCLUDE_DIR})
  target_link_libraries(mlsel_svm INTERFACE ${MLSEL_SVM_LIBRARY})
  target_compile_definitions(mlsel_svm INTERFACE MLSEL_WITH_LIBSVM=1)
endif()

# libcurl asks the servers of language models; only the tool needs it.
if(MLSEL_BUILD_COLLECT)
  find_package(CURL 7.68)
  if(NOT CURL_FOUND)
    message(FATAL_ERROR "libcurl 7.68 or later is missing (Debian: apt-get install libcurl4-openssl-dev; or do without the "
                        "commands that ask language models: -DMLSEL_BUILD_COLLECT=OFF)")
  endif()
endif()

# llama.cpp embeds texts in the tool itself; it has a package of its own where it was installed by CMake.
if(MLSEL_BUILD_COLLECT AND MLSEL_WITH_LLAMA)
  enable_language(CXX) # which it is written in
  add_library(mlsel_llama INTERFACE)
  find_package(llama CONFIG QUIET)
  if(TARGET llama)
    target_link_libraries(mlsel_llama INTERFACE llama)
  else()
    find_path(MLSEL_LLAMA_INCLUDE_DIR llama.h)
    find_library(MLSEL_LLAMA_LIBRARY llama)
    find_library(MLSEL_GGML_LIBRARY ggml)
    foreach(variable LLAMA_INCLUDE_DIR LLAMA_LIBRARY GGML_LIBRARY)
      if(NOT MLSEL_${variable})
        message(FATAL_ERROR "llama.cpp is missing (MLSEL_${variable}): install it, name its folder with "
                            "-DCMAKE_PREFIX_PATH=DIR, or do without embeddings in process: -DMLSEL_WITH_LLAMA=OFF")
      endif()
    endforeach()
    target_include_directories(mlsel_llama SYSTEM INTERFACE ${MLSEL_LLAMA_INCLUDE_DIR})
    target_link_libraries(mlsel_llama INTERFACE ${MLSEL_LLAMA_LIBRARY} ${MLSEL_GGML_LIBRARY})
  endif()
  target_compile_definitions(mlsel_llama INTERFACE MLSEL_WITH_LLAMA=1)
endif()

# An archive of cJSON, which Debian does not have: scripts/static-libraries.sh makes one. Needed only for programs that are
# to have no shared library at all.
set(static_folder ${CMAKE_LIBRARY_ARCHITECTURE})
if(NOT static_folder)
  set(static_folder native)
endif()
find_library(MLSEL_CJSON_ARCHIVE libcjson.a HINTS ${PROJECT_SOURCE_DIR}/build/static/${static_folder}
             DOC "Archive of cJSON, position-independent; optional")
if(NOT MLSEL_CJSON_ARCHIVE)
  set(MLSEL_CJSON_ARCHIVE "" CACHE FILEPATH "Archive of cJSON, position-independent; optional" FORCE)
endif()
