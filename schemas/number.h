/*  number - reals and moments as text, the same in JSON, in logs and in keys.  */

#pragma once

#include "schemas/base.h"

/*  The shortest text that reads back as the same real, and reads as a real: 1.0, not 1.
    Infinity becomes 9e999, which SQL reads as that (json.h has another word for it), and what
    is not a number becomes null.  */
enum { REAL_TEXT = 40 };
const char *real_text(double real, char text[REAL_TEXT]);

/*  Milliseconds since 1970 as 2026-01-31T23:59:59.999Z. A moment outside of the years 0 to
    9999 is written, and read, as the bare number.  */
enum { TIME_TEXT = 40 };
const char *time_text(int64_t unix_ms, char text[TIME_TEXT]);
/*  Reads date and time, with T or a blank between them, a fraction of any length or none, and
    Z, +HH:MM, +HHMM or +HH, with either sign; none is UTC. A date alone is its midnight.  */
bool time_parse(bytes_t text, int64_t *unix_ms);
