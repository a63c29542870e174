/*  measure - time and numbers, as a person reads them, and a bar while work goes on.  */

#pragma once

#include "schemas/base.h"

uint64_t now_ns(void); /* monotonic */
int64_t wall_ms(void); /* since 1970 */
double seconds_since(uint64_t start_ns);
/*  Sorts them.  */
double median(double *figures, int n);

/*  "19,722".  */
enum { NUMBER_TEXT = 32 };
const char *number_text(uint64_t number, char text[NUMBER_TEXT]);

/*  One line on a terminal's stderr that is written over and over; elsewhere nothing.  */
typedef struct progress {
    const char *what;
    bool on;
    uint64_t drawn_ns;
} progress_t;

progress_t progress_new(const char *what);
/*  share: 0 to 1, or negative if the end is not known.  */
void progress_draw(progress_t *self, double share, const char *format, ...) PRINTF_LIKE(3, 4);
/*  Wipes the line.  */
void progress_end(progress_t *self);
