# find_package(Waybill): Waybill::waybill, the shared library.
include("${CMAKE_CURRENT_LIST_DIR}/WaybillTargets.cmake")
