# layer(NAME folder sources...): one target a folder. Its headers are seen as "folder/x.h", and only by targets that link it: each layer
# has an include root of its own that holds nothing but that folder, so that an arrow that is not declared does not compile.
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
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic)
endfunction()
