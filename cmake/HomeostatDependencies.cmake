# Everything comes from Debian 12's own packages; tools/install_dependencies.sh
# installs them. Nothing is vendored and nothing is downloaded while building.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(CAF REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlienc libbrotlidec)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)

# What every file that sees a Boost.Asio header, also through Beast, must agree on.
add_library(homeostat_boost INTERFACE)
target_link_libraries(homeostat_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(homeostat_boost INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_DISABLE_BOOST_DATE_TIME)

# Boost.Asio itself; every room that uses sockets, timers or executors links this.
add_library(homeostat_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/asio_implementation.cpp)
target_link_libraries(homeostat_asio PUBLIC homeostat_boost PRIVATE homeostat_compiler)

# TLS over Boost.Asio, for the rooms that speak it.
add_library(homeostat_asio_tls STATIC ${CMAKE_CURRENT_LIST_DIR}/asio_tls_implementation.cpp)
target_link_libraries(homeostat_asio_tls PUBLIC homeostat_asio OpenSSL::SSL PRIVATE homeostat_compiler)
