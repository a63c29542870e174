/*  query - the part of a URL behind its '?', taken apart.  */

#pragma once

#include "schemas/base.h"

/*  The raw value of a parameter, size long; NULL if it is not there.  */
const char *query_find(const char *query, const char *name, size_t *size);
/*  False if a percent sign is not followed by two hex digits, the value is longer than room,
    or what comes out is not clean text.  */
bool query_decode(const char *from, size_t size, char *to, size_t room);
/*  Both at once: to is the decoded value, or empty if the parameter is not there. False as
    above.  */
bool query_read(const char *query, const char *name, char *to, size_t room);
/*  A number in decimal digits; it stays as it is if the parameter is not there. False if it is
    something else.  */
bool query_read_number(const char *query, const char *name, uint64_t *to);
