# What is installed of libwaybill: header, shared and static library, and how to find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Shared: nothing is seen of it but waybill_*.
add_library(waybill_shared SHARED ${sources})
set(map ${CMAKE_CURRENT_SOURCE_DIR}/waybill.map)
set_target_properties(waybill_shared PROPERTIES OUTPUT_NAME waybill EXPORT_NAME waybill
  VERSION ${PROJECT_VERSION} SOVERSION 0 PUBLIC_HEADER waybill.h LINK_DEPENDS ${map})
target_include_directories(waybill_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(waybill_shared PRIVATE ipc PkgConfig::dep_sqlite3)
target_link_options(waybill_shared PRIVATE LINKER:--version-script=${map})

# Static: one object, in which everything else has become local. Objects that wait for the linker
# to optimise across files carry ordinary code as well, and are used as such.
set(parts client ipc bus schemas)
foreach(part ${parts})
  target_compile_options(${part} PRIVATE $<$<C_COMPILER_ID:GNU>:-ffat-lto-objects>)
  list(APPEND objects $<TARGET_OBJECTS:${part}>)
endforeach()
add_custom_command(OUTPUT libwaybill.a
  COMMAND ${CMAKE_LINKER} -r -o waybill.o ${objects}
  COMMAND ${CMAKE_OBJCOPY} --wildcard --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_*
          --localize-hidden waybill.o
  COMMAND ${CMAKE_COMMAND} -E rm -f libwaybill.a
  COMMAND ${CMAKE_AR} rcs libwaybill.a waybill.o
  DEPENDS ${parts} ${objects} COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(waybill_static ALL DEPENDS libwaybill.a)

install(TARGETS waybill_shared EXPORT Waybill)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libwaybill.a DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(packages ${CMAKE_INSTALL_LIBDIR}/cmake/Waybill)
install(EXPORT Waybill NAMESPACE Waybill:: FILE WaybillTargets.cmake DESTINATION ${packages})
write_basic_package_version_file(WaybillConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES WaybillConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/WaybillConfigVersion.cmake
  DESTINATION ${packages})

file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(waybill.pc.in waybill.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/waybill.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES ${PROJECT_SOURCE_DIR}/docs/waybill.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/docs/libwaybill.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
