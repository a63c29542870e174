/*  show - how verbs put things on a terminal: colours, columns, sizes and times.  */

#pragma once

#include "schemas/base.h"

#include <stdio.h>

/*  A terminal, and nobody has set NO_COLOR.  */
bool show_is_coloured(FILE *out);

typedef enum hue {
    HUE_none, /* back to normal */
    HUE_bold,
    HUE_dim,
    HUE_red,
    HUE_green,
    HUE_yellow,
    HUE_blue,
    HUE_cyan,
    HUE_reverse,
    HUE_COUNT
} hue_t;

/*  What makes a terminal write so; "" if coloured is false.  */
const char *show_hue(bool coloured, hue_t hue);

/*  Adds the text; what controls a terminal becomes '?'. NULL adds nothing.  */
void show_text(buffer_t *out, const char *text);
/*  The same in so many columns: cut if it is longer, filled if it is shorter, on the left if
    width is negative.  */
void show_cell(buffer_t *out, const char *text, int width);
/*  Columns that the text takes, one a letter.  */
int show_width(const char *text);

/*  "1.4 MB", "12 ms", "3.2" or "19,722".  */
enum { SHOW_ROOM = 32 };
const char *show_bytes(double bytes, char text[SHOW_ROOM]);
const char *show_us(uint64_t us, char text[SHOW_ROOM]);
const char *show_rate(double rate, char text[SHOW_ROOM]);

/*  Adds ,"name": and the value as JSON; the comma unless it follows a '{'.  */
void json_name(buffer_t *out, const char *name);
void json_text(buffer_t *out, const char *name, const char *text);
/*  Nothing, if it is zero.  */
void json_uuid(buffer_t *out, const char *name, const uint8_t uuid[16]);
void json_uint(buffer_t *out, const char *name, uint64_t number);
void json_real(buffer_t *out, const char *name, double number);
void json_bool(buffer_t *out, const char *name, bool value);
