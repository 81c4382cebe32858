# What the product is compiled with; a library's own headers are not asked.
set(NOTIFYD_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

# common_headers(NAME arguments of target_precompile_headers...): where a target's files are compiled together, what most of them include and is not
# ours is read once for all targets with the same flags: to read it takes seconds each time. In a build where each file is compiled by itself (the
# preset dev) each has to include what it uses.
function(common_headers name)
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_precompile_headers(${name} ${ARGN})
    # GCC takes what it read before for code of ours, and says of std::string in it what it knows better of a system's header (GCC bug 105651).
    target_compile_options(${name} PRIVATE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endfunction()

# layer(NAME folder sources...): one target a folder. Its headers are seen as "folder/x.h" by targets that link it: each layer has an include root of
# its own that holds nothing but that folder. A folder is seen with the folders inside of it, and what it links is seen by those that link it; that no
# layer includes one above it is held by tests/packaging/habits_test.cc.
function(layer name folder)
  string(REPLACE "/" "_" root_name ${folder})
  set(root ${CMAKE_BINARY_DIR}/include/${root_name})
  get_filename_component(parent ${folder} DIRECTORY)
  if(parent)
    # A folder inside a folder: "net/api" must not make "net/x.h" visible, so only the inner one is linked.
    file(MAKE_DIRECTORY ${root}/${parent})
  else()
    file(MAKE_DIRECTORY ${root})
  endif()
  if(NOT EXISTS ${root}/${folder})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  endif()
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${root})
  target_compile_options(${name} PRIVATE ${NOTIFYD_WARNINGS})
  if(NOT name STREQUAL "base")  # whose they are
    common_headers(${name} REUSE_FROM base)
  endif()
endfunction()

# layer_part(NAME folder HEADERS headers... SOURCES sources...): one of several targets of a folder. Its include root holds these headers alone, so that
# who links it does not see the others of the folder.
function(layer_part name folder)
  cmake_parse_arguments(P "" "" "HEADERS;SOURCES" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include/${name})
  file(REMOVE_RECURSE ${root})
  file(MAKE_DIRECTORY ${root}/${folder})
  foreach(header ${P_HEADERS})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder}/${header} ${root}/${folder}/${header} SYMBOLIC)
  endforeach()
  add_library(${name} STATIC ${P_SOURCES})
  target_include_directories(${name} PUBLIC ${root})
  target_compile_options(${name} PRIVATE ${NOTIFYD_WARNINGS})
  if(NOT name STREQUAL "base")  # whose they are
    common_headers(${name} REUSE_FROM base)
  endif()
endfunction()
