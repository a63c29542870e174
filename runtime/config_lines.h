/*  config_lines - the items of a config file, each on a line of its own, checked.

    zconfig keeps no line numbers, and says what it dislikes on standard output only. So the
    lines are looked at before it gets them: whatever passes here, it can read.  */

#pragma once

#include "schemas/base.h"

/*  Without blank lines and comments. Zero is empty.  */
typedef struct config_lines {
    buffer_t text;
    int *numbers; /* of the line that each item stood on */
    size_t n;
    int depth; /* of the last one */
} config_lines_t;

/*  ERR_CONFIG with file and line: missing, unreadable, not ZPL.  */
CHECKED err_t config_lines_read(config_lines_t *self, const char *path, fault_t *fault);
void config_lines_release(config_lines_t *self);
