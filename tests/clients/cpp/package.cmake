# Installs the C++ client into a directory of its own, and builds the consumer against what is there.
#   cmake -D CLIENT=clients/cpp -D CONSUMER=tests/clients/cpp/consumer -D TO=DIRECTORY -D VERSION=0.1.0 -D LAUNCHER=ccache -P package.cmake
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(STRINGS ${CLIENT}/include/notifyd/transport.h version REGEX "kVersion = \"${VERSION}\";$")
if(NOT version)
  message(FATAL_ERROR "clients/cpp/include/notifyd/transport.h says another version than ${VERSION}")
endif()
set(generator -G Ninja -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} -S ${CLIENT} -B ${TO}/client ${generator} -D CMAKE_INSTALL_PREFIX=${TO}/prefix)
# What an earlier run installed must not stand in for what is missing now.
file(REMOVE_RECURSE ${TO}/prefix)
run(${CMAKE_COMMAND} --install ${TO}/client)
run(${CMAKE_COMMAND} -S ${CONSUMER} -B ${TO}/consumer ${generator} -D CMAKE_PREFIX_PATH=${TO}/prefix -D EXAMPLES=${CLIENT}/examples -D VERSION=${VERSION})
run(${CMAKE_COMMAND} --build ${TO}/consumer)
