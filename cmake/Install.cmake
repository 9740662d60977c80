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
configure_file(cmake/mlsel.pc.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(MLSEL_BUILD_TOOL)
  install(TARGETS mlsel_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
