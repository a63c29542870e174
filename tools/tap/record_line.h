/*  record_line - a record of the tap as a line, for people or as JSON.  */

#pragma once

#include "bus/tap_record.h"
#include "tools/tap/losses.h"

typedef struct line_style {
    bool json;
    bool whole; /* text: the whole payload, not what it is about */
    bool colour;
    int64_t clock_ms; /* the wall clock when the monotonic one began: line_clock() */
} line_style_t;

/*  Told once, so that lines of one moment have one time.  */
int64_t line_clock(void);

typedef struct line_body {
    message_id_t id;
    const void *body; /* NULL: none that we know */
} line_body_t;

/*  Adds the line and its newline.  */
void record_line(const tap_record_t *record, const line_body_t *body, line_style_t style,
                 buffer_t *out);
/*  The same for records of that actor that went missing.  */
void loss_line(const char *actor, loss_t loss, line_style_t style, buffer_t *out);
