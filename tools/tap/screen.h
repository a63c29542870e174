/*  screen - the terminal as a whole: keys come one by one, each frame overwrites the last.

    It has the alternate screen, and gives the terminal back as it was: when it is closed, when
    the program exits, and when a signal ends it.  */

#pragma once

#include "schemas/base.h"

/*  False: standard input and output are no terminal.  */
bool screen_open(void);
void screen_close(void);

typedef struct screen_size {
    int columns, rows;
} screen_size_t;
screen_size_t screen_size(void);

/*  Writes the lines over the last frame; what is longer than the screen is cut by its rows.  */
void screen_draw(buffer_t *lines);

/*  The next key, at most timeout_ms away; 0: none came, or the size has changed. SCREEN_END:
    the program is to end, by a signal or because nobody is there any more.  */
enum { SCREEN_END = -1 };
int screen_key(int timeout_ms);
