# Writes OUTPUT, a C++ source with every *.yaml of FOLDER as a raw string.
file(GLOB files ${FOLDER}/*.yaml)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND entries "    {\"builtin/${name}\", R\"homeostat(${text})homeostat\"},\n")
endforeach()
file(WRITE ${OUTPUT}
"// Generated from config/builtin/*.yaml; do not edit.
#include \"config/builtin.hpp\"

namespace homeostat::config {
namespace {

constexpr BuiltinFile files[] = {
${entries}};

}  // namespace

std::span<const BuiltinFile> builtin_files() noexcept { return files; }

}  // namespace homeostat::config
")
