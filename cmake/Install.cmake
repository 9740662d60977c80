# SPDX-License-Identifier: Apache-2.0
# Components, which Packages.cmake makes packages of: runtime, train, dev, tools and dropin.
install(TARGETS mlsel EXPORT mlsel-targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(TARGETS mlsel_static EXPORT mlsel-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(FILES include/mlsel.h include/mlsel_backend.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
if(MLSEL_BUILD_TRAIN)
  install(TARGETS mlsel_train EXPORT mlsel-targets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT train NAMELINK_COMPONENT dev)
  install(TARGETS mlsel_train_static EXPORT mlsel-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
  install(FILES include/mlsel_train.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
endif()
install(EXPORT mlsel-targets NAMESPACE mlsel:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mlsel COMPONENT dev)
configure_package_config_file(cmake/mlsel-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mlsel)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/mlsel-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/mlsel-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/mlsel COMPONENT dev)

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
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

if(MLSEL_BUILD_TRAIN)
  set(MLSEL_PC_SVM "")
  if(MLSEL_WITH_LIBSVM)
    set(MLSEL_PC_SVM "-lsvm -lstdc++ ")
  endif()
  configure_file(cmake/mlsel_train.pc.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel_train.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel_train.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endif()

if(MLSEL_BUILD_TOOL)
  install(TARGETS mlsel_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  if(TARGET mlsel_man)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/man/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT tools)
  endif()
endif()

if(MLSEL_BUILD_DROPIN)
  set(private "-lm -lpthread -ldl")
  if(NOT MLSEL_CJSON_ARCHIVE)
    string(PREPEND private "-lcjson ")
  endif()
  foreach(name ml_semantic_router candle_semantic_router_mlp)
    install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dropin)
    install(FILES $<TARGET_PROPERTY:${name}_archive,ARCHIVE_FILE> DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dropin)
    configure_file(cmake/dropin.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dropin)
  endforeach()
  install(FILES include/mlsel_dropin_ml.h include/mlsel_dropin_mlp.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT dropin)
endif()

# For those who want the archive though the shared library is beside it: Go's tag mlsel_static, for one.
configure_file(cmake/mlsel-static.pc.in ${CMAKE_CURRENT_BINARY_DIR}/mlsel-static.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mlsel-static.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
