/*  terminal - a verb that runs on a terminal of 80 columns and 24 rows, and what stands there.
 */

#pragma once

#include "schemas/base.h"

#include <sys/types.h>
#include <termios.h>

enum { TERMINAL_COLUMNS = 80, TERMINAL_ROWS = 24 };

typedef struct terminal {
    pid_t pid;
    int fd;                /* the end that a person sits at */
    int other;             /* the program's end, kept open to look at its settings */
    struct termios before; /* settings when the program began */
    buffer_t written;      /* all that it has written */
} terminal_t;

/*  Starts the program with these arguments, which end with NULL.  */
terminal_t *terminal_new(const char *const *arguments);
void terminal_destroy(terminal_t **self);

/*  Waits for a whole frame which has that part, and leaves it in lines: without colours, cut at
    its lines' ends, so many as the screen shows. Fails the test after a minute.  */
typedef struct lines {
    char *text;
    char *at[TERMINAL_ROWS + 1];
    size_t n;
} lines_t;
lines_t terminal_await(terminal_t *self, const char *part);
void lines_release(lines_t *self);

void terminal_type(terminal_t *self, const char *keys);
/*  Waits for its end; gives the exit status.  */
int terminal_end(terminal_t *self);
/*  The alternate screen is left, the cursor and the breaking of lines are back, and so are the
    settings.  */
bool terminal_is_restored(const terminal_t *self);
