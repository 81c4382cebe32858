# Writes ConsoleFiles() with the bytes of the console's bundle: cmake -DBUNDLE=folder -DOUT=file.cc -P embed.cmake. Needs nothing but CMake, so that a
# build without npm has the console, too.
set(types
  "html\;text/html\; charset=utf-8"
  "js\;text/javascript\; charset=utf-8"
  "css\;text/css\; charset=utf-8"
  "svg\;image/svg+xml"
  "txt\;text/plain\; charset=utf-8")

set(arrays "")
set(rows "")
set(count 0)

# Sets `view` to an expression of that file's bytes, "{}" where it is not there.
function(array path view)
  if(NOT EXISTS "${path}")
    set(${view} "{}" PARENT_SCOPE)
    return()
  endif()
  file(READ "${path}" hex HEX)
  file(SIZE "${path}" size)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(arrays "${arrays}constexpr unsigned char kBytes${count}[] = {\n${hex}};\n\n" PARENT_SCOPE)
  math(EXPR next "${count} + 1")
  set(${view} "View(kBytes${count}, ${size})" PARENT_SCOPE)
  set(count ${next} PARENT_SCOPE)
endfunction()

foreach(row IN LISTS types)
  list(GET row 0 extension)
  list(SUBLIST row 1 -1 type)
  list(JOIN type ";" type)
  file(GLOB files "${BUNDLE}/*.${extension}")
  list(SORT files)
  foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME)
    file(SHA256 "${file}" sum)
    string(SUBSTRING "${sum}" 0 20 sum)
    array("${file}" bytes)
    array("${file}.gz" gzip)
    array("${file}.br" brotli)
    string(APPEND rows "      {\"${name}\", \"${type}\", \"\\\"${sum}\\\"\", ${bytes}, ${gzip}, ${brotli}},\n")
  endforeach()
endforeach()

file(WRITE "${OUT}" "#include \"net/console/console_files.h\"

namespace notifyd {
namespace {

std::string_view View(const unsigned char* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

${arrays}}  // namespace

std::span<const ConsoleFile> ConsoleFiles() {
  static const ConsoleFile kFiles[] = {
${rows}  };
  return kFiles;
}

}  // namespace notifyd
")
