# SPDX-License-Identifier: Apache-2.0
install(TARGETS mlsel mlsel_static EXPORT mlsel-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/mlsel.h include/mlsel_backend.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT mlsel-targets NAMESPACE mlsel:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mlsel)
configure_package_config_file(cmake/mlsel-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mlsel)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/mlsel-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/mlsel-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mlsel)

# mlsel.pc finds the other folders from its own place, so that an installed tree can be moved. A folder that was given as
# an absolute path stays where it is.
set(MLSEL_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" up ${up})
  set(MLSEL_PC_PREFIX \${pcfiledir}/${up})
endif()
foreach(folder LIBDIR INCLUDEDIR)
  set(MLSEL_PC_${folder} ${CMAKE_INSTALL_${folder}})
  if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_${folder}})
    set(MLSEL_PC_${folder} \${prefix}/${CMAKE_INSTALL_${folder}})
  endif()
endforeach()
configure_file(cmake/mlsel.pc.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(MLSEL_BUILD_TOOL)
  install(TARGETS mlsel_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# For those who want the archive though the shared library is beside it: Go's tag mlsel_static, for one.
configure_file(cmake/mlsel-static.pc.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel-static.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel-static.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
