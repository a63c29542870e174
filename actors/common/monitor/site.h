/*  site - the files of the monitor page, which are part of the program.

    Made of the files in page/ when it is built.  */

#pragma once

typedef struct site_file {
    const char *path; /* as it is asked for */
    const char *type; /* of its content */
    const char *body; /* a text */
} site_file_t;

/*  NULL if there is no such file. "/" is index.html.  */
const site_file_t *site_find(const char *path);
