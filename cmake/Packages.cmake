# SPDX-License-Identifier: Apache-2.0
# What `cpack -G DEB` and `cpack -G TGZ` make, best from the preset "package": one .deb per component of Install.cmake, and
# one .tar.gz with everything. scripts/check-packages.sh tests both.

# Packages that a program needs in order to link the archives. (The shared libraries that a package needs are found by
# dpkg-shlibdeps.)
set(MLSEL_LINK_PACKAGES libcjson-dev libyaml-dev)
if(MLSEL_BUILD_TRAIN AND MLSEL_WITH_LIBSVM)
  list(APPEND MLSEL_LINK_PACKAGES libsvm-dev)
endif()

set(MLSEL_PACKAGE_CONTACT "mlsel maintainers <maintainers@mlsel.invalid>" CACHE STRING "Maintainer named in packages")

# Every installation has the licences; every .deb has them where Debian wants them.
install(FILES LICENSE cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/mlsel COMPONENT licences)

# mlsel_package(COMPONENT NAME SECTION DEPENDS SUMMARY TEXT): a .deb of that component. DEPENDS may be "".
set(CPACK_COMPONENTS_ALL "")
macro(mlsel_package component name section depends summary text)
  string(TOUPPER ${component} upper)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${depends}")
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${text}")
  install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component}
          EXCLUDE_FROM_ALL)
endmacro()

set(this "(= ${PROJECT_VERSION})")
set(runtime libmlsel${PROJECT_VERSION_MAJOR})
list(JOIN MLSEL_LINK_PACKAGES ", " link_packages)
mlsel_package(runtime ${runtime} libs "" "decides per request which language model should answer"
              "Loads KNN, KMeans, SVM and MLP selectors from their JSON artifacts and chooses a
model for a query embedding. This package has the shared library.")
# For packages that use the libraries.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/deb/shlibs
     "libmlsel ${PROJECT_VERSION_MAJOR} ${runtime} (>= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/deb/shlibs)
set(libraries "${runtime} ${this}")
if(MLSEL_BUILD_TRAIN)
  set(train libmlsel-train${PROJECT_VERSION_MAJOR})
  mlsel_package(train ${train} libs "${runtime} ${this}" "trains and evaluates selectors of language models"
                "Makes the selectors that libmlsel loads from benchmark records and embeddings, and
measures what they are worth. This package has the shared library.")
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/deb/train/shlibs
       "libmlsel_train ${PROJECT_VERSION_MAJOR} ${train} (>= ${PROJECT_VERSION})\n")
  set(CPACK_DEBIAN_TRAIN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/deb/train/shlibs)
  string(APPEND libraries ", ${train} ${this}")
endif()
mlsel_package(dev libmlsel-dev libdevel "${libraries}, ${link_packages}, libc6-dev"
              "decides per request which language model should answer (development)"
              "Header files, archive, pkg-config and CMake files of mlsel.")
if(MLSEL_BUILD_TOOL)
  mlsel_package(tools mlsel utils "${libraries}"
                "decides per request which language model should answer (command)"
                "The mlsel command: choose, explain, check, train and evaluate at the shell.")
endif()
if(MLSEL_BUILD_DROPIN)
  set(depends "")
  if(NOT MLSEL_CJSON_ARCHIVE)
    set(depends libcjson-dev) # of what archives need, the part that these use
  endif()
  mlsel_package(dropin mlsel-dropin libdevel "${depends}"
                "mlsel behind the C symbols of the vLLM Semantic Router"
                "Replaces libml_semantic_router and the MLP part of libcandle_semantic_router,
which the router's Go code links, without a change in Go.")
endif()

set(CPACK_PACKAGE_VENDOR mlsel)
set(CPACK_PACKAGE_CONTACT "${MLSEL_PACKAGE_CONTACT}")
# CPack's own default: any other text would become the first line of every package's description.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${CMAKE_PROJECT_NAME} built using CMake")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_FILE_NAME mlsel-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
string(TOLOWER "${CPACK_PACKAGE_FILE_NAME}" CPACK_PACKAGE_FILE_NAME)
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_THREADS 0)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_CURRENT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
include(CPack)
