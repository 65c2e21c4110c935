# One place for every compiler and linker flag. The interface library
# homeostat_compiler carries them, so that third-party headers (SYSTEM) are
# not held to our warnings.
add_library(homeostat_compiler INTERFACE)

target_compile_options(homeostat_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Werror
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives for these two from inlined std::string code.
  target_compile_options(homeostat_compiler INTERFACE
    -Wno-restrict -Wno-maybe-uninitialized)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(homeostat_compiler INTERFACE
    -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE)
  target_link_options(homeostat_compiler INTERFACE -pie -Wl,-z,relro,-z,now)
endif()

set(HOMEOSTAT_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
if(HOMEOSTAT_SANITIZE)
  target_compile_options(homeostat_compiler INTERFACE
    -fsanitize=${HOMEOSTAT_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(homeostat_compiler INTERFACE -fsanitize=${HOMEOSTAT_SANITIZE})
  if(HOMEOSTAT_SANITIZE MATCHES "undefined")
    # CAF 0.17 headers bind references to null storage that is never read.
    target_compile_options(homeostat_compiler INTERFACE -fno-sanitize=null)
  endif()
  if(HOMEOSTAT_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio uses fences that GCC warns it cannot instrument.
    target_compile_options(homeostat_compiler INTERFACE -Wno-tsan)
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()
