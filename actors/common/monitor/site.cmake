# site.cmake - makes the C source of site.h out of the files in PAGE: cmake -DPAGE= -DOUT= -P.
# They are texts; each becomes an array of bytes with a NUL behind it.
set(types "html:text/html\; charset=utf-8" "css:text/css\; charset=utf-8"
  "js:text/javascript\; charset=utf-8" "svg:image/svg+xml")
file(GLOB files RELATIVE ${PAGE} ${PAGE}/*)
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${files})
  string(REGEX REPLACE "^.*\\." "" extension ${file})
  foreach(type ${types})
    if(NOT type MATCHES "^${extension}:(.*)$")
      continue()
    endif()
    set(content "${CMAKE_MATCH_1}")
    file(READ ${PAGE}/${file} bytes HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
    string(APPEND arrays "static const char file_${number}[] = {${bytes}0};\n")
    string(REGEX REPLACE "^index\\.html$" "" path ${file})
    string(APPEND rows "    {\"/${path}\", \"${content}\", file_${number}},\n")
    math(EXPR number "${number} + 1")
  endforeach()
endforeach()
file(WRITE ${OUT} "#include \"actors/common/monitor/site.h\"

#include <stddef.h>
#include <string.h>

${arrays}
static const site_file_t files[] = {
${rows}};

const site_file_t *
site_find(const char *path)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}
")
