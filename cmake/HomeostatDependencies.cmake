# Everything comes from Debian 12's own packages; tools/install_dependencies.sh
# installs them. Nothing is vendored and nothing is downloaded while building.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(CAF REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

# Boost.Asio is header-only here; every room that includes it links this.
add_library(homeostat_asio INTERFACE)
target_link_libraries(homeostat_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(homeostat_asio INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
