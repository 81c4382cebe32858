# CPack runs this over the staged tree before it makes the package: what Debian wants beyond what `make install` does.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${root}/usr/share/doc/notifyd)
get_filename_component(project ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)

file(COPY ${project}/conf/debian/copyright DESTINATION ${doc})
file(MAKE_DIRECTORY ${root}/usr/share/lintian/overrides)
file(COPY_FILE ${project}/conf/debian/lintian-overrides ${root}/usr/share/lintian/overrides/notifyd)
file(COPY_FILE ${project}/conf/debian/changelog ${doc}/changelog.Debian)
file(GLOB compressed ${root}/usr/share/man/man*/* ${doc}/changelog.Debian)
foreach(file ${compressed})
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(CHMOD_RECURSE ${root}/usr/share FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
  DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
