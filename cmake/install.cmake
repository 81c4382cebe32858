# What `cmake --install` puts where: binaries, unit, configuration, man pages, completions, documents. notify-bench stays in the build directory: it
# measures, and has no place on a production machine.
include(GNUInstallDirs)

# What is installed is built by name; tests and benchmarks need not be there for it.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

# Where the broker keeps its data once it is installed; the default in the code (./data) is for a broker that is tried out.
set(NOTIFYD_STATE_DIR /var/lib/notifyd)
set(NOTIFYD_ETC_DIR ${CMAKE_INSTALL_FULL_SYSCONFDIR}/notifyd)
set(NOTIFYD_UNIT_DIR ${CMAKE_INSTALL_PREFIX}/lib/systemd/system CACHE PATH "Directory of the systemd unit")

install(TARGETS notifyd notifyctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The unit and the configuration as they stand in conf/, with the paths of this installation.
set(staged ${CMAKE_BINARY_DIR}/conf)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS conf/notifyd.service conf/notifyd.toml)

file(READ conf/notifyd.service unit)
string(REPLACE "/usr/bin/notifyd" "${CMAKE_INSTALL_FULL_BINDIR}/notifyd" unit "${unit}")
string(REPLACE "/etc/notifyd/" "${NOTIFYD_ETC_DIR}/" unit "${unit}")
file(WRITE ${staged}/notifyd.service "${unit}")
install(FILES ${staged}/notifyd.service DESTINATION ${NOTIFYD_UNIT_DIR})

# Installed, a setting that nobody touched follows the default of the version that runs: each is there, but commented out.
file(READ conf/notifyd.toml settings)
string(REGEX REPLACE "\n([a-z_.]+ = )" "\n#\\1" settings "${settings}")
string(REPLACE "\n#data_dir = \"./data\"" "\ndata_dir = \"${NOTIFYD_STATE_DIR}\"" settings "${settings}")
string(PREPEND settings "# A line that begins with # and the name of a setting shows its default: take the # away to change it.\n")
file(WRITE ${staged}/notifyd.toml "${settings}")
# An existing one is somebody's: never overwritten.
install(CODE "
  set(file \"\$ENV{DESTDIR}${NOTIFYD_ETC_DIR}/notifyd.toml\")
  if(EXISTS \"\${file}\")
    message(STATUS \"Kept: \${file}\")
  else()
    file(INSTALL \"${staged}/notifyd.toml\" DESTINATION \"${NOTIFYD_ETC_DIR}\")
  endif()")

# Made by the target manuals. zsh looks for what packages bring in another folder than for what the site installed.
set(made ${CMAKE_BINARY_DIR}/share)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
else()
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
install(FILES ${made}/man/man1/notifyctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${made}/man/man8/notifyd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${made}/bash-completion/completions/notifyctl DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${made}/zsh/vendor-completions/_notifyctl DESTINATION ${zsh_dir})

# The documents, and what they link to, as it lies beside them here.
install(FILES README.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md" PATTERN "*.yaml" PATTERN "*.svg" PATTERN "*.png")
install(FILES ${staged}/notifyd.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/conf)
install(FILES conf/alerts.yaml conf/grafana.json conf/kubernetes.yaml conf/kubernetes-cluster.yaml conf/compose.yaml conf/Dockerfile conf/notifyd-bridge@.service DESTINATION ${CMAKE_INSTALL_DOCDIR}/conf)
# Scripts that those name; run by sh and bash.
install(FILES conf/cluster-certificates conf/cluster-db-init conf/cluster-db-start DESTINATION ${CMAKE_INSTALL_DOCDIR}/conf)
